"""Rules over real histories: lake and log, log alone, and a lake that holds readings and nothing else."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from homestream.backtest import Backtest, backtest
from homestream.engine.fact import Alert
from homestream.engine.fold import Engine
from homestream.errors import ConfigError, HomestreamError
from homestream.etl import etl
from homestream.home import RuleConfig
from homestream.homefile import load
from homestream.lake.part import DAY_MS
from homestream.lake.writer import Lake, LakeBatch
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE

TEN = 1_772_532_000_000
S, MIN, H = 1_000, 60_000, 3_600_000

HOME = """
timezone = "Europe/Berlin"
[notify]
phone = "json://localhost"
[[rule]]
name = "Iron left on"
when = "laundry/iron.power > 1000"
for = "10m"
do = ["notify phone", "turn off laundry/iron"]
"""
STRICT = RuleConfig.model_validate({"name": "Iron on", "when": "laundry/iron.power > 1000", "for": "1m"})


def entries() -> list[Entry]:
    """The iron is on for 5 and for 20 min; the hub ticks; its rules of then were none."""
    on = {*range(60, 120), *range(240, 480)}
    made = [Entry(1, Kind.ACTION, "home", "run", "configure", b'{"id": "home"}', TEN)]
    for place in range(600):
        at = TEN + place * 5 * S
        if place % 12 == 0:
            watts = b"1200" if place in on else b"3"
            made.append(Entry(0, Kind.MESSAGE, "home", "mqtt:x", "home/laundry/iron/power", watts, at))
        made.append(Entry(0, Kind.TICK, "", "clock", "", b"", at))
    return [entry._replace(seq=seq) for seq, entry in enumerate(made, 1)]


def fill(folder: Path, in_lake: int) -> None:
    """The first `in_lake` entries are in the lake, the others in the log alone."""
    (folder / "home.toml").write_text(HOME, encoding="utf-8")
    log, lake, engine = SqliteLog(folder / LOG_FILE), Lake(folder), Engine()
    first, rest = entries()[:in_lake], entries()[in_lake:]
    if first:
        log.append(first)
        out = engine.apply(first)
        lake.write(LakeBatch(first, out.readings, out.facts), in_lake)
    if rest:
        log.append(rest)
    log.trim(in_lake + 1)
    log.close()


@pytest.fixture(scope="module", params=["log", "lake and log", "lake", "lake without log", "readings"])
def folder(tmp_path_factory, request):
    tmp_path = tmp_path_factory.mktemp("home")
    size = len(entries())
    if request.param == "readings":
        out = Engine().apply(entries())
        Lake(tmp_path).write(LakeBatch(readings=out.readings), size)
        (tmp_path / "home.toml").write_text(HOME, encoding="utf-8")
    else:
        fill(tmp_path, {"log": 0, "lake and log": 400}.get(request.param, size))
        if request.param == "lake without log":
            (tmp_path / LOG_FILE).unlink()
    return tmp_path


def found(result: Backtest) -> dict[str, list[tuple[int, float | None]]]:
    """Rule -> (minutes after ten o'clock, minutes it lasted)."""
    return {
        rule: [
            ((a.opened - TEN) / MIN, None if a.ended is None else (a.ended - a.opened) / MIN) for a in alerts
        ]
        for rule, alerts in result.rules.items()
    }


def test_the_homes_own_rules(folder):
    heard: list[tuple[int, int]] = []
    result = backtest(folder, progress=lambda done, total: heard.append((done, total)))
    assert found(result) == {"Iron left on": [(30, 10)]}
    [alert] = result.rules["Iron left on"]
    assert alert.effects == ["notify phone", "switch of laundry/iron to 0"]
    assert [(e["device"], e["value"]) for e in alert.evidence] == [("laundry/iron", 1200)]
    assert heard[-1][0] == heard[-1][1] > 0


def test_other_rules_leave_the_home_as_it_is(folder):
    assert found(backtest(folder, (STRICT,))) == {"Iron on": [(6, 4), (21, 19)]}
    assert [rule.name for rule in load(folder).rule] == ["Iron left on"]


def test_since_leaves_out_what_was_before(folder):
    assert found(backtest(folder, (STRICT,), since=TEN + 15 * MIN)) == {"Iron on": [(21, 19)]}


def test_the_same_alerts_as_the_live_run(tmp_path):
    fill(tmp_path, 300)
    config = load(tmp_path).model_dump_json(by_alias=True).encode()
    engine = Engine()
    live = [entries()[0]._replace(payload=config), *entries()[1:]]
    alerts = [f for _, f in engine.apply(live).facts if isinstance(f, Alert) and f.rule == "Iron left on"]
    [raised] = backtest(tmp_path).rules["Iron left on"]
    assert [(a.state, a.time) for a in alerts] == [("opened", raised.opened), ("cleared", raised.ended)]
    assert raised.text == alerts[0].text


def test_a_rule_that_never_fires_says_so(folder):
    never = STRICT.model_copy(update={"name": "Never", "when": "laundry/iron.power > 5000"})
    [rule] = backtest(folder, (never,)).as_json()["rules"]
    assert (rule["rule"], rule["count"], rule["alerts"]) == ("Never", 0, [])


def test_a_wrong_rule_is_said_at_once(folder):
    wrong = STRICT.model_copy(update={"when": "laundry/iron.pwer > 5", "where": "new.toml:3"})
    with pytest.raises(
        ConfigError, match=r"new\.toml:3: rule 'Iron on': no metric 'pwer'; did you mean power"
    ):
        backtest(folder, (wrong,))


def test_no_history(tmp_path):
    (tmp_path / "home.toml").write_text(HOME, encoding="utf-8")
    with pytest.raises(HomestreamError, match="no history yet"):
        backtest(tmp_path)


def test_json_and_table(tmp_path):
    fill(tmp_path, 0)
    result = backtest(tmp_path, (STRICT,))
    body = json.loads(json.dumps(result.as_json()))
    assert (body["since"], body["until"], body["timezone"]) == (None, TEN + 599 * 5 * S, "Europe/Berlin")
    [rule] = body["rules"]
    assert (rule["rule"], rule["count"], rule["alerts"][1]["seconds"]) == ("Iron on", 2, 19 * 60)
    console = Console(file=StringIO(), width=140)
    result.print(console)
    text = console.file.getvalue()
    assert "Iron on: 2 alerts" in text
    assert "2026-03-03 11:06:00" in text
    assert "19 min" in text


def test_what_was_imported_comes_before_what_was_lived(tmp_path):
    fill(tmp_path, 400)
    past = tmp_path / "past.csv"
    rows = [
        f"home,laundry/iron,power,{TEN - DAY_MS + minute * MIN},{1300 if 10 <= minute < 40 else 3}"
        for minute in range(60)
    ]
    past.write_text("\n".join(["home,device,metric,time,value", *rows]), encoding="utf-8")
    assert etl([str(past)], str(tmp_path))["stored"] == 60
    ten_the_day_before = -DAY_MS / MIN
    assert found(backtest(tmp_path)) == {"Iron left on": [(ten_the_day_before + 20, 20), (30, 10)]}
