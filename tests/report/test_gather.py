import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from pypdf import PdfReader

from homestream.engine.fold import Engine
from homestream.errors import HomestreamError
from homestream.home import DeviceConfig, HomeConfig, RuleConfig
from homestream.lake.connect import connect
from homestream.lake.writer import Lake, LakeBatch
from homestream.reading import Entry, Kind
from homestream.replay import save_snapshot
from homestream.report.command import report
from homestream.report.data import ReportData
from homestream.report.gather import gather
from homestream.report.pdf import build

ZONE = ZoneInfo("Europe/Berlin")
CONFIG = HomeConfig(
    name="Our home",
    timezone="Europe/Berlin",
    rooms=("living_room", "hall"),
    device=(DeviceConfig(id="cellar/meter", mains=True),),
    rule=(RuleConfig(name="Oven on", when="kitchen/oven.power > 1000", until="kitchen/oven.power < 50"),),
)
MINUTE, DAY = 60_000, 86_400_000


def midnight(day: int) -> int:
    """Of October 2026, in whose week from the 19th to the 25th the clock is put back."""
    return int(datetime(2026, 10, day, tzinfo=ZONE).timestamp() * 1000)


SINCE, UNTIL = midnight(24), midnight(26)


def rows(time: int) -> list[dict[str, object]]:
    """The oven takes 2 kW from 18 to 19 h, the fridge 100 W always, and 200 W are nobody's."""
    hour = datetime.fromtimestamp(time / 1000, ZONE).hour
    oven = 2000 if hour == 18 else 0
    power = {"kitchen/oven": oven, "kitchen/fridge": 100, "cellar/meter": oven + 300}
    found: list[dict[str, object]] = [{"device": d, "power": p, "time": time} for d, p in power.items()]
    for room, base in (("hall", 17.0), ("living_room", 21.0), ("attic", 12.0)):
        found.append({"device": f"{room}/climate", "temperature": base, "humidity": 50.0, "time": time})
    return [*found, {"device": "hall/freezer", "temperature": -18.0, "time": time}]


def entries() -> Iterator[Entry]:
    """Four days, the 22nd to the 25th of October; of the 23rd and before, only the power."""

    def entry(kind: Kind, topic: str, payload: bytes, arrived: int, items: int = 1) -> Entry:
        source = "http:hub" if kind is Kind.MESSAGE else "page:me"
        return Entry(0, kind, "home", source, topic, payload, arrived, items)

    yield entry(Kind.ACTION, "configure", CONFIG.model_dump_json(by_alias=True).encode(), midnight(22))
    for time in range(midnight(22), UNTIL, MINUTE):
        batch = rows(time)[: 3 if time < SINCE else 7]
        yield entry(Kind.MESSAGE, "api/readings", json.dumps(batch).encode(), time + 100, len(batch))
        if time == SINCE + 3 * 3_600_000:
            yield entry(Kind.ACTION, "mode", b'{"mode": "away"}', time + 200)
            door = b'{"device": "hall/door", "metric": "contact", "value": 0}'
            yield entry(Kind.MESSAGE, "api/readings", door, time + 300)
            yield entry(Kind.MESSAGE, "api/readings", door.replace(b"0}", b"1}"), time + 60_300)
    yield entry(Kind.TICK, "", b"", UNTIL + 10 * MINUTE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    placed = [entry._replace(seq=seq) for seq, entry in enumerate(entries(), 1)]
    engine = Engine()
    made = engine.apply(placed)
    system = [
        dict.fromkeys(("received", "stored"), 60)
        | dict.fromkeys(("duplicate", "rejected", "late", "lag"), 0)
        | dict.fromkeys(("log_bytes", "lake_bytes", "rss_bytes"), 5_000_000)
        | {"time": SINCE + i * MINUTE, "p50_ms": 1.0, "p99_ms": 4.0, "rate": 6.0}
        for i in range(60)
    ]
    Lake(home).write(LakeBatch(placed, made.readings, made.facts, made.rejected, system), placed[-1].seq)
    save_snapshot(home, engine.snapshot())
    rule = '[[rule]]\nname = "Oven on"\nwhen = "kitchen/oven.power > 1000"\n'
    (home / "home.toml").write_text(f'name = "Our home"\ntimezone = "Europe/Berlin"\n{rule}')
    return home


@pytest.fixture(scope="module")
def con(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(folder, tail=[]) as connection:
        yield connection


@pytest.fixture(scope="module")
def data(con: duckdb.DuckDBPyConnection) -> ReportData:
    accounts = [
        {
            "home": home,
            "source": "http:hub",
            "received": 9,
            "stored": 9,
            "duplicate": 0,
            "rejected": 0,
            "late": 0,
        }
        for home in ("home", "next door")
    ]
    return gather(con, CONFIG, SINCE, UNTIL, accounts)


def test_the_energy_is_the_mains_over_a_day_of_25_hours_too(data: ReportData) -> None:
    assert data.energy == pytest.approx(49 * 0.3 + 2 * 2.0, rel=0.01)
    assert [day.kwh for day in data.days] == pytest.approx([9.2, 9.5], rel=0.01)
    assert [day.length for day in data.days] == [DAY, 25 * 3_600_000]
    assert data.cost == pytest.approx(0.3 * (data.energy or 0))


def test_the_period_before_compares(data: ReportData) -> None:
    # 49 hours from the 21st, 23 h: nothing is known of the first of them.
    assert data.change == pytest.approx(100 * (18.7 / 18.4 - 1), abs=1)


def test_hogs_are_told_without_the_mains(data: ReportData) -> None:
    assert [hog.name for hog in data.hogs] == ["Fridge", "Oven"]
    assert [hog.kwh for hog in data.hogs] == pytest.approx([4.9, 4.0], rel=0.01)
    assert data.untracked == pytest.approx(9.8, rel=0.01)
    assert data.always_on == pytest.approx(300, rel=0.01)


def test_a_period_that_ends_just_after_midnight_has_no_day_more(con: duckdb.DuckDBPyConnection) -> None:
    assert len(gather(con, CONFIG, SINCE, midnight(25) + 1).days) == 1


def test_peak_and_mean_day(data: ReportData) -> None:
    assert data.peak == 2300.0
    assert data.peak_at == SINCE + 18 * 3_600_000
    day = dict(data.mean_day)
    assert day[12 * 60] == pytest.approx(300) and day[18 * 60 + 30] == pytest.approx(2300)


def test_rooms_stand_in_the_order_of_home_toml(data: ReportData) -> None:
    assert [room.room for room in data.climate] == ["Living room", "Hall", "Attic"]
    assert data.climate[0].hours == pytest.approx((21.0,) * 24)
    assert data.humidity == pytest.approx(50.0)
    assert data.temperature == pytest.approx((17 + 21 + 12) / 3, abs=0.01)  # a freezer is no room


def test_security_and_alerts(data: ReportData) -> None:
    found = [(event.severity, event.room) for event in data.security]
    assert found == [("info", ""), ("medium", "Hall"), ("high", "Hall")]  # seen, then not disarmed in time
    assert data.security_total == 3
    [oven] = [rule for rule in data.alerts if rule.rule == "Oven on"]
    assert (oven.opened, oven.acknowledged, oven.open) == (2, 0, 0)


def test_performance_and_books(data: ReportData) -> None:
    did = data.performance
    assert (did.p50_ms, did.p99_ms, did.rate_peak, did.lake_bytes) == (1.0, 4.0, 6.0, 5_000_000)
    assert did.total is not None and did.total.received == 3600
    assert [account.source for account in did.accounts] == ["http:hub"]
    assert any(rate is None for _, rate in did.rates) and any(rate == 6.0 for _, rate in did.rates)


def test_a_period_without_data_is_no_data(con: duckdb.DuckDBPyConnection) -> None:
    empty = gather(con, CONFIG, midnight(1), midnight(8))
    assert (empty.energy, empty.change, empty.peak, empty.temperature) == (None, None, None, None)
    assert [day.kwh for day in empty.days] == [None] * 7
    assert empty.hogs == empty.climate == empty.security == empty.alerts == empty.mean_day == ()


def test_the_pdf_of_the_lake(con: duckdb.DuckDBPyConnection) -> None:
    text = PdfReader(io.BytesIO(build(con, CONFIG, SINCE, UNTIL))).pages[0].extract_text()
    assert "Our home report" in text and "24 – 25 October 2026" in text and "18.7 kWh" in text


def test_the_command_writes_the_last_week_that_holds_data(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    assert report(folder, out) == 2
    assert "22 – 25 October 2026" in PdfReader(out).pages[0].extract_text()
    with pytest.raises(HomestreamError, match="--since"):
        report(folder, out, since=UNTIL, until=SINCE)
    with pytest.raises(HomestreamError, match="cannot be written"):
        report(folder, tmp_path / "no" / "such.pdf", until=UNTIL)
