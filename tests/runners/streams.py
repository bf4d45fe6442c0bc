"""Entries of several homes, as a log has them."""

import random
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st

from homestream.reading import Entry, Kind

#: Sunday, 1 March 2026, 00:00 UTC
START = 1_772_323_200_000

RULE = {
    "name": "Too hot",
    "when": "den/air.temperature > 20",
    "for": "1m",
    "do": ["turn off den/air"],
}


class Event(NamedTuple):
    """Something that happens `after` ms later in a home ("": all homes, a tick)."""

    after: int
    home: str
    what: str
    value: int


def entries(events: Iterable[Event]) -> list[Entry]:
    """A log that begins at seq 1."""
    now, log = START, list[Entry]()
    for after, home, what, value in events:
        now += after
        kind, source, topic, payload = Kind.MESSAGE, "mqtt:t", f"home/den/air/{what}", b"%d" % value
        if not home or what == "tick":
            kind, source, topic, payload = Kind.TICK, "clock", "", b""
        elif what == "late":
            body = {"value": value, "time": now - 1_000 * value}
            topic, payload = "home/den/air/temperature", msgspec.json.encode(body)
        elif what == "refused":
            kind, topic = Kind.REFUSED, "packet too long"
        elif what == "configure":
            kind, source, topic, payload = Kind.ACTION, "run", what, msgspec.json.encode({"rule": [RULE]})
        elif what == "mode":
            kind, source, topic, payload = Kind.ACTION, "page:ann", what, b'{"mode":"away"}'
        log.append(Entry(len(log) + 1, kind, home, source, topic, payload, now))
    return log


WHAT = ("temperature", "power", "contact", "motion", "late", "tick", "refused", "configure", "mode")


def logs() -> st.SearchStrategy[list[Entry]]:
    """Homes that begin at different times, some of them with nothing but refusals."""
    after = st.sampled_from([0, 1, 1_000, 5_000, 60_000, 3_600_000])
    home = st.sampled_from(["", "", "a", "b", "c"])
    event = st.builds(Event, after, home, st.sampled_from(WHAT), st.integers(0, 100))
    return st.lists(event, max_size=60).map(entries)


def long_log(homes: int, minutes: int) -> list[Entry]:
    """Homes with temperature, power, contact and motion about every second, ticks every 5 s."""
    chance = random.Random(7)
    events = [Event(0, f"h{n}", "configure", 0) for n in range(homes)]
    for second in range(60 * minutes):
        if second % 5 == 0:
            events.append(Event(0, "", "tick", 0))
        for n in range(homes):
            what = chance.choice(("temperature", "power", "late", "contact", "motion"))
            events.append(
                Event(0, f"h{n}", what, chance.randrange(2 if what in ("contact", "motion") else 40))
            )
        events[-1] = events[-1]._replace(after=1_000)
    return entries(events)
