"""A home that uses all there is, and whatever may happen in it."""

import random
from typing import Any

import msgspec

from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

from .streams import SPRING

RULES: list[dict[str, Any]] = [
    {"name": "Left on", "when": "laundry/iron.power > 500", "until": "laundry/iron.power < 100", "for": "2m"},
    {"name": "Warm", "when": "*.temperature > 25", "cooldown": "10m", "do": ["notify phone", "webhook post"]},
    {"name": "Open long", "when": "hall/door.contact == open", "for": "5m", "do": ["turn off lights"]},
    {"name": "Lost", "when": 'unknown(den/climate.temperature) or age(hall/door.contact) > "2h"'},
    {"name": "Mean", "when": 'twmean(laundry/iron.power, "10m") > 300 and not sun == up'},
    {"name": "Hop", "when": 'percentile(den/climate.temperature, 90, "30m", every "5m") > 24'},
    {"name": "Long run", "when": 'session(laundry/iron.power > 100, "3m") > "10m"'},
    {
        "name": "Came in",
        "first": "hall/door.contact == open",
        "then": "hall/motion.motion == on",
        "within": "5m",
    },
    {"name": "Says nothing", "silent": "den/climate.temperature", "for": "1h", "quiet": "22:00-07:00"},
    {"name": "Strange", "anomaly": "den/climate.temperature", "until": "den/climate.temperature < 30"},
    {"name": "Evening", "at": ["sunset - 15m", "22:30"], "days": "mon-fri", "do": ["turn on den/lamp"]},
    {"name": "Budget", "when": 'energy("day") > 1 or energy(laundry/iron, "day") > 0.5'},
    {"name": "All gone", "when": "occupied == false and person.ann == away", "do": ["mode away"]},
    {"name": "Toggles", "when": "changed(hall/motion.motion)", "do": ["set den/lamp.brightness to 40"]},
    {"name": "Sum", "when": 'laundry/iron.power + den/lamp.brightness * 10 > 900 and time >= "10:00"'},
]
CONFIG = HomeConfig.model_validate(
    {
        "id": "a",
        "timezone": "Europe/Berlin",
        "latitude": 52.5,
        "longitude": 13.4,
        "quiet": "23:00-06:00",
        "notify": {"phone": ""},
        "webhook": {"post": ""},
        "group": {"lights": ["den/lamp", "kitchen/lamp"]},
        "person": [{"name": "ann", "tracker": ["ann_phone"]}, {"name": "bob", "tracker": "bob_phone"}],
        "device": [
            {"id": "house/mains", "mains": True},
            {"id": "laundry/iron", "parent": "house/mains", "max_gap": "1m"},
            {"id": "roof/solar", "produces": True},
            {"id": "den/climate", "expect_every": "10m", "name": "Study"},
        ],
        "tariff": {"band": [{"from": "22:00", "to": "06:00", "per_kwh": 0.2}], "price": "grid/price.price"},
        "security": {
            "entry_delay": "20s",
            "zone": [
                {"name": "door", "devices": ["hall/door"], "rooms": ["hall"], "entry": True},
                {"name": "cellar", "rooms": ["cellar"], "always": True},
            ],
        },
        "rule": RULES,
    }
)
#: The same home another day: a rule gone, one changed, in another zone of time.
LATER = CONFIG.model_copy(
    update={
        "timezone": "Asia/Kolkata",
        "rule": (CONFIG.rule[0].model_copy(update={"hold": "1m"}), *CONFIG.rule[2:]),
    }
)

_SERIES = [
    *(
        ("laundry/iron", "power"),
        ("laundry/iron", "energy"),
        ("house/mains", "power"),
        ("house/mains", "energy"),
    ),
    *(("den/climate", "temperature"), ("den/climate", "humidity"), ("den/lamp", "brightness")),
    *(
        ("hall/door", "contact"),
        ("hall/motion", "motion"),
        ("cellar/leak", "moisture"),
        ("hall/door", "tamper"),
    ),
    *(("ann_phone", "presence"), ("bob_phone", "presence"), ("den/lamp", "switch"), ("roof/solar", "power")),
    ("grid/price", "price"),
]
#: Ms between two entries: mostly seconds, at times minutes, seldom hours.
STEPS = [*([0, 1_000, 5_000, 5_000, 20_000] * 8), 60_000, 60_000, 300_000, 900_000, 5_000_000]

_STATES = {"contact", "motion", "moisture", "tamper", "presence", "switch"}

_ACTIONS: list[tuple[str, Any]] = [
    *(("mode", {"mode": mode}) for mode in ("away", "night", "home", "disarmed")),
    ("mode", {"mode": "disarmed", "code": True}),
    ("bypass", {"device": "hall/door", "bypass": True}),
    ("wrong_code", {"count": 3}),
    ("command", {"device": "den/lamp", "metric": "switch", "value": 1}),
    ("command", {"group": "lights", "metric": "switch", "value": 0}),
    ("acknowledge", {"alert": "none"}),
    ("configure", CONFIG.model_dump(mode="json", by_alias=True)),
    ("configure", LATER.model_dump(mode="json", by_alias=True)),
    ("configure", {"timezone": "Mars/Base"}),
]


def happenings(seed: int, size: int) -> list[Entry]:
    """A log of `size` entries of homes a and b; a has `CONFIG`, its devices also speak late and nonsense."""
    chance = random.Random(seed)
    now = SPRING
    start = CONFIG.model_dump_json(by_alias=True).encode()
    entries = [Entry(1, Kind.ACTION, "a", "run", "configure", start, now)]
    for seq in range(2, size + 2):
        now += chance.choice(STEPS)
        home = chance.choice("aaab")
        what = chance.random()
        if what < 0.25:
            entries.append(Entry(seq, Kind.TICK, "", "clock", "", b"", now))
        elif what < 0.33:
            name, body = chance.choice(_ACTIONS)
            entries.append(Entry(seq, Kind.ACTION, home, "page:ann", name, msgspec.json.encode(body), now))
        elif what < 0.35:
            entries.append(Entry(seq, Kind.REFUSED, home, "mqtt:1.2.3.4", "malformed packet", b"\x00", now))
        elif what < 0.42:
            topic = chance.choice(["hall/door/available", "den/climate/available", "laundry/iron/power"])
            payload = chance.choice([b"offline", b"online", b"unknown", b"\xff{"])
            entries.append(Entry(seq, Kind.MESSAGE, home, "mqtt:hub", f"home/{topic}", payload, now))
        else:
            rows = [_row(chance, now) for _ in range(chance.randrange(1, 5))]
            kind = chance.choice([Kind.MESSAGE] * 9 + [Kind.RETAINED])
            payload = msgspec.json.encode(rows)
            entries.append(Entry(seq, kind, home, "http:hub", "api/readings", payload, now, len(rows)))
    return entries


def _row(chance: random.Random, now: int) -> dict[str, Any]:
    device, metric = chance.choice(_SERIES)
    value = chance.choice([0, 1] if metric in _STATES else [0, 20, 26, 90, chance.randrange(2_000)])
    behind = chance.choice([0, 0, 0, 0, 1_000, 45_000, 300_000, 7_000_000, 90_000_000, -60_000])
    return {"device": device, "metric": metric, "value": value, "time": now - behind}
