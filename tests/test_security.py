"""The security log of a home's folder, checked and printed as a person would."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from typer.testing import CliRunner

from homestream.cli import app
from homestream.engine.fold import Engine
from homestream.engine.safety.zones import zone_of
from homestream.errors import ConfigError
from homestream.home import HomeConfig
from homestream.homefile import FILE, parse
from homestream.lake.connect import connect
from homestream.lake.retention import trim_security
from homestream.lake.writer import Lake, LakeBatch
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE

START = 1_772_532_000_000
DOINGS = [("mode", {"mode": "away"}), ("mode", {"mode": "disarmed"})] * 4


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that was armed and disarmed four times: half of it in the lake, half in the log alone."""
    (tmp_path / FILE).write_text('timezone = "Europe/Berlin"')
    config = parse("").model_dump_json(by_alias=True).encode()
    entries = [Entry(1, Kind.ACTION, "home", "run", "configure", config, START)]
    for seq, (name, body) in enumerate(DOINGS, 2):
        at = START + seq * 60_000
        entries.append(Entry(seq, Kind.ACTION, "home", "page:ann", name, json.dumps(body).encode(), at))
    log = SqliteLog(tmp_path / LOG_FILE)
    log.append([entry._replace(seq=0) for entry in entries])
    log.close()
    first = LakeBatch(entries=entries[:5], facts=Engine().apply(entries[:5]).facts)
    Lake(tmp_path).write(first, 5)
    return tmp_path


def test_the_zones_of_the_documentation_are_read() -> None:
    text = (Path(__file__).parents[1] / "docs" / "security-modes.md").read_text(encoding="utf-8")
    config = parse(text.partition("```toml")[2].partition("```")[0])
    assert [zone.name for zone in config.security.zone] == ["way in", "downstairs", "gun safe"]
    assert zone_of(config, "study/safe", "", "study", "contact").always
    assert zone_of(config, "kitchen/motion", "", "kitchen", "motion").armed == {"night", "away"}


def test_a_wrong_zone_is_said_with_its_line() -> None:
    text = (
        '[security]\n\n[[security.zone]]\nname = "a"\n\n[[security.zone]]\nname = "b"\narmed = ["always"]\n'
    )
    with pytest.raises(ConfigError, match=r"home.toml:8: security.zone.1.armed.0"):
        parse(text)


def test_what_is_older_than_it_is_kept_goes_and_the_rest_is_whole(home: Path) -> None:
    log = SqliteLog(home / LOG_FILE)
    entries = [entry for part in log.read(1) for entry in part]
    log.close()
    engine = Engine()
    engine.apply(entries[:5])
    Lake(home).write(LakeBatch(entries=entries[5:], facts=engine.apply(entries[5:]).facts), len(entries))
    end = entries[-1].arrived
    others = "SELECT count(*) FROM events WHERE kind <> 'security'"
    before = connect(home, []).execute(others).fetchall()
    for keep, now, gone in (("", end, 0), ("4m", end, 3), ("4m", end, 0), ("1m", end + 3_600_000, 4)):
        config = HomeConfig.model_validate({"timezone": "Europe/Berlin", "security": {"keep": keep}})
        assert trim_security(home, config, now) == gone
        code, text = verified(home)
        assert (code, text[:3]) == (0, "OK:")
    assert connect(home, []).execute(others).fetchall() == before


def verified(home: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["security", "verify", "--home", str(home)])
    return done.exit_code, done.stdout.strip()


def alter(home: Path, old: str, new: str) -> None:
    """Rewrite the lake's events as somebody with the disk in hand could."""
    table = DeltaTable(home / "lake" / "events")
    rows = table.to_pyarrow_table()
    data = [text.replace(old, new) for text in rows["data"].to_pylist()]
    place = rows.column_names.index("data")
    forged = rows.set_column(place, "data", pa.array(data, rows.schema.field("data").type))
    held = Transaction("homestream", table.transaction_version("homestream"))
    kept = CommitProperties(app_transactions=[held])
    write_deltalake(table, forged, mode="overwrite", commit_properties=kept)


def test_a_whole_log_is_said_to_be_whole(home: Path) -> None:
    code, text = verified(home)
    assert code == 0
    assert text == (
        "OK: 8 entries from 2026-03-03 11:02:00 to 2026-03-03 11:09:00, each follows the one before"
    )


def test_an_altered_entry_is_found(home: Path) -> None:
    alter(home, "Alarm disarmed", "Alarm never disarmed")
    code, text = verified(home)
    assert code == 1
    assert text.startswith("BROKEN at entry 2 of 8, 2026-03-03 11:03:00 'Alarm never disarmed'")


def test_entries_taken_off_the_end_are_missed(home: Path) -> None:
    log = SqliteLog(home / LOG_FILE)
    tick = Entry(0, Kind.TICK, "", "clock", "", b"", START + 900_000)
    end = log.append([tick])
    log.close()
    Lake(home).write(LakeBatch(entries=[tick._replace(seq=end)]), end)  # facts of 6 to 9 left out
    code, text = verified(home)
    assert (code, text) == (1, "BROKEN after entry 4: newer entries are known, but not there")


def test_a_new_home_has_nothing_to_verify(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("")
    assert verified(tmp_path) == (0, "OK: the security log has no entries yet")


def test_the_log_is_printed(home: Path) -> None:
    done = CliRunner().invoke(app, ["security", "log", "--home", str(home), "--limit", "2"])
    assert done.stdout.splitlines() == [
        "2026-03-03 11:08:00  info    Alarm armed (away), by ann",
        "2026-03-03 11:09:00  info    Alarm disarmed, by ann",
    ]


def test_the_code_is_asked_twice_and_taken_away(home: Path) -> None:
    command = ["security", "code", "--home", str(home)]
    assert CliRunner().invoke(app, command, input="1357\n1357\n").exit_code == 0
    assert (home / "security-code").exists()
    assert CliRunner().invoke(app, [*command, "--remove"]).exit_code == 0
    assert not (home / "security-code").exists()
