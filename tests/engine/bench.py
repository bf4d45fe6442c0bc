"""A home on the bench: real entries through the real engine, its clock in the test's hand."""

from typing import Any, TypeVar

import msgspec

from homestream.engine.fact import Alert, AnyFact
from homestream.engine.fold import Engine
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

#: Tuesday, 3 March 2026, 10:00 UTC
TEN = 1_772_532_000_000
S, MIN, H = 1_000, 60_000, 3_600_000

F = TypeVar("F", bound=AnyFact)


class Bench:
    """One home that speaks the plain dialect. `now` is the hub's clock; all that happens is at `now`."""

    def __init__(self, **config: Any) -> None:
        self.engine = Engine()
        self.now = TEN
        self.entries: list[Entry] = []
        self.facts: list[AnyFact] = []
        self.configure(**config)

    def put(self, kind: Kind, topic: str, payload: bytes, source: str = "mqtt:bench") -> None:
        self.entries.append(Entry(len(self.entries) + 1, kind, "home", source, topic, payload, self.now))
        out = self.engine.apply(self.entries[-1:])
        assert not [refused.reason for refused in out.rejected if refused.reason.startswith("internal error")]
        self.facts += [fact for _, fact in out.facts]

    def configure(self, **config: Any) -> None:
        body = HomeConfig.model_validate(config).model_dump_json(by_alias=True).encode()
        self.put(Kind.ACTION, "configure", body, "run")

    def say(self, series: str, value: Any, at: int | None = None) -> None:
        """`hall/door.contact` reports `value`, measured at `at` (default: now)."""
        device, _, metric = series.rpartition(".")
        body = msgspec.json.encode({"value": value, "time": self.now if at is None else at})
        self.put(Kind.MESSAGE, f"home/{device}/{metric}", body)

    def online(self, device: str, is_online: bool) -> None:
        self.put(Kind.MESSAGE, f"home/{device}/available", b"online" if is_online else b"offline")

    def act(self, name: str, **body: Any) -> None:
        self.put(Kind.ACTION, name, msgspec.json.encode(body), "page:ann")

    def wait(self, ms: int) -> None:
        """Time passes; the hub ticks every 5 s."""
        end = self.now + ms
        while self.now < end:
            self.now = min(self.now + 5 * S, end)
            self.put(Kind.TICK, "", b"", "clock")

    def down(self, ms: int) -> None:
        """The hub is off for so long, and its memory is what it had saved."""
        self.restart()
        self.now += ms

    def restart(self) -> None:
        self.engine = Engine.restore(self.engine.snapshot())

    def said(self, kind: type[F], **like: Any) -> list[F]:
        """The facts of a kind so far, those that have the given fields."""
        found = [fact for fact in self.facts if isinstance(fact, kind)]
        return [f for f in found if all(getattr(f, name) == value for name, value in like.items())]

    def lives(self, rule: str) -> list[tuple[str, int]]:
        """What became of a rule's alerts, in order: (state, seconds after ten o'clock)."""
        return [(a.state, (a.time - TEN) // S) for a in self.said(Alert, rule=rule)]
