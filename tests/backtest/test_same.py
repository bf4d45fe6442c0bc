"""What is dull may be left out: the alerts are those of an engine that sees every entry."""

import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from homestream.backtest import backtest
from homestream.backtest.result import Raised, Raising
from homestream.engine.fold import Engine
from homestream.home import HomeConfig
from homestream.lake.writer import Lake, LakeBatch
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE

TEN = 1_772_532_000_000
S, MIN = 1_000, 60_000

#: Each with numbers that the streams below tremble around.
SIMPLE = [
    {"name": "Left on", "when": "den/iron.power > 500", "until": "den/iron.power < 100", "for": "2m"},
    {"name": "Warm", "when": "*.temperature >= 21", "cooldown": "3m", "do": ["notify phone"]},
    {"name": "Both", "when": "den/iron.power > 500 and den/climate.temperature < 21", "for": "30s"},
    {"name": "Open", "when": "hall/door.contact == open", "for": "1m", "do": ["turn off den/iron"]},
    {"name": "Lost", "when": "unknown(den/iron.power) or den/iron.power == 0"},
    {"name": "Odd", "when": "den/iron.power > 100", "until": "den/iron.power < 500"},
]
RICH = [
    *SIMPLE,
    {"name": "Mean", "when": 'mean(den/iron.power, "1m") > 400', "for": "30s"},
    {"name": "Old", "when": 'age(hall/door.contact) > "4m"'},
    {"name": "Late", "when": 'den/iron.power > 500 and time >= "11:10"'},
    {"name": "Alone", "when": "den/iron.power > 100 and occupied == false"},
    {"name": "Away", "when": "mode == away", "do": ["notify phone"]},
    {"name": "Empty", "when": "occupied == false"},
    {"name": "In", "first": "hall/door.contact == open", "then": "hall/motion.motion == on", "within": "2m"},
    {"name": "Quiet", "silent": "hall/door.contact", "for": "5m"},
    {"name": "Moved", "when": "changed(hall/motion.motion)"},
]
LOOKING_BACK = [
    {"name": "Mean", "when": 'mean(den/iron.power, "3m") > 200', "until": 'mean(den/iron.power, "3m") < 100'},
    {"name": "Timed", "when": 'twmean(*.temperature, "2m") > 21', "for": "30s", "cooldown": "2m"},
    {"name": "Least", "when": 'min(den/iron.power, "90s") >= 60 and max(den/iron.power, "4m") < 800'},
    {"name": "Nearly all", "when": 'percentile(den/climate.temperature, 90, "2m") < 21'},
    {"name": "Pause", "when": 'age(den/iron.power) > "90s"'},
    {"name": "Quiet", "silent": "den/climate.humidity", "for": "2m", "cooldown": "1m"},
    {"name": "Shut", "silent": "hall/door.contact", "for": "30s"},
    {"name": "Strangers", "when": "hall/motion.motion == on and occupied == false", "do": ["mode away"]},
]
WHOLE = [
    *SIMPLE,
    {"name": "Day", "when": 'energy("day") > 0.05'},
    {"name": "Strange", "anomaly": "den/iron.power"},
]


def stream(seed: int) -> list[Entry]:
    """Forty minutes: steady devices and moody ones, lost, late and doubled messages, a hub that was down."""
    chance = random.Random(seed)
    made: list[tuple[Kind, str, str, Any, int]] = []
    watts, warm, shut, moves = 0.0, 20.0, 0.0, 0
    now = TEN
    down = chance.choice([None, chance.randrange(480)])
    for step in range(480):
        now += 5 * S if step != down else chance.choice([40, 400]) * S
        made.append((Kind.TICK, "", "", b"", now))
        watts = chance.choice([watts] * 60 + [0.0, 60.0, 300.0, 800.0]) + chance.choice([0, 0, 1.5])
        warm += chance.choice([-0.3, 0, 0, 0.3]) - (warm - 21) / 20
        if chance.random() < 0.97:
            behind = chance.choice([0] * 30 + [3 * S, 90 * S, 400 * S])
            body = {"value": watts, "time": now + 100 - behind}
            made.append((Kind.MESSAGE, "home/den/iron/power", "", body, now + 100))
        if chance.random() < 0.9:
            both = {"temperature": round(warm, 1), "humidity": 40 + step % 2}
            made.append((Kind.MESSAGE, "home/den/climate", "", both, now + 200))
        if chance.random() < 0.9:
            moves = chance.choice([moves] * 12 + [0, 0, 0, 1])
            made.append((Kind.MESSAGE, "home/den/motion/motion", "", {"value": moves}, now + 250))
        if step % 6 == 0:
            shut = chance.choice([shut] * 9 + [1 - shut])
            made.append((Kind.MESSAGE, "home/hall/door/contact", "", {"value": shut}, now + 300))
        if chance.random() < 0.05:
            made.append(
                (Kind.MESSAGE, "home/hall/motion/motion", "", {"value": chance.randrange(2)}, now + 400)
            )
        odd = chance.random()
        if odd < 0.006:
            made.append(
                (
                    Kind.MESSAGE,
                    "home/den/iron/available",
                    "",
                    chance.choice([b"offline", b"online"]),
                    now + 500,
                )
            )
        elif odd < 0.012:
            made.append(
                (
                    Kind.MESSAGE,
                    "home/den/iron/power",
                    "",
                    chance.choice([b"unknown", b"\xff{", b"700"]),
                    now + 500,
                )
            )
        elif odd < 0.018:
            made.append(
                (Kind.ACTION, "mode", "page:ann", {"mode": chance.choice(["away", "home"])}, now + 500)
            )
        elif odd < 0.024:
            rows = [
                {"device": d, "metric": m, "value": chance.choice([0, 90, 600]), "time": now - b}
                for d, m, b in (
                    ("den/iron", "power", 2 * S),
                    ("attic/meter", "power", 9 * S),
                    ("den/iron", "power", S),
                )
            ]
            made.append((Kind.MESSAGE, "api/readings", "", rows, now + 600))
    return [
        Entry(
            seq,
            kind,
            "" if kind == Kind.TICK else "home",
            source or "mqtt:x",
            topic,
            body if isinstance(body, bytes) else msgspec.json.encode(body),
            at,
            len(body) if isinstance(body, list) else 1,
        )
        for seq, (kind, topic, source, body, at) in enumerate(made, 1)
    ]


def config(rules: list[dict[str, Any]]) -> HomeConfig:
    return HomeConfig.model_validate(
        {"timezone": "Europe/Berlin", "notify": {"phone": "json://localhost"}, "rule": rules}
    )


def lived(folder: Path, entries: list[Entry], cuts: list[int], in_log: int) -> None:
    """The entries in lake, in files of any size, the last `in_log` in the log alone."""
    folder.joinpath("home.toml").write_text(
        'timezone = "Europe/Berlin"\n[notify]\nphone = "json://localhost"\n', encoding="utf-8"
    )
    engine, lake, log = Engine(), Lake(folder), SqliteLog(folder / LOG_FILE)
    ends = sorted({min(cut, len(entries) - in_log) for cut in cuts} | {len(entries) - in_log})
    start = 0
    for end in ends:
        if end > start:
            part = entries[start:end]
            out = engine.apply(part)
            lake.write(LakeBatch(part, out.readings, out.facts), end)
            start = end
    log.append(entries)
    log.trim(start + 1)
    log.close()


def seen_whole(entries: list[Entry], rules: HomeConfig) -> dict[str, list[Raised]]:
    """The alerts of an engine with all operators that sees every entry."""
    engine, found = Engine(), Raising([rule.name for rule in rules.rule], 0)
    payload = rules.model_copy(update={"notify": {"phone": ""}}).model_dump_json(by_alias=True).encode()
    first = Entry(1, Kind.ACTION, "home", "backtest", "configure", payload, entries[0].arrived)
    for _, fact in engine.apply([first, *(entry._replace(seq=entry.seq + 1) for entry in entries)]).facts:
        found.hear(fact)
    return found.rules


@pytest.mark.parametrize(
    "rules", [SIMPLE, RICH, LOOKING_BACK, WHOLE], ids=["simple", "rich", "back", "whole"]
)
@given(st.integers(0, 10**9), st.lists(st.integers(1, 1500), max_size=3), st.sampled_from([0, 0, 200]))
@settings(max_examples=5, deadline=None, phases=[Phase.generate])  # each fills a lake
def test_the_same_alerts(rules: list[dict[str, Any]], seed: int, cuts: list[int], in_log: int) -> None:
    entries, asked = stream(seed), config(rules)
    with tempfile.TemporaryDirectory() as name:
        lived(Path(name), entries, cuts, in_log)
        result = backtest(Path(name), asked.rule)
    assert result.rules == seen_whole(entries, asked)
