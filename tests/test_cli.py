"""Commands as a person types them: a mistake of theirs is one line that says what to do next."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from home_process import ports, running_home
from homestream.cli import app
from homestream.door.login.credentials import Credentials, Principal
from homestream.errors import HomestreamError
from homestream.init import init

README = Path(__file__).parents[1] / "README.md"


def said(*line: str) -> str:
    """The one line an erring command ends with."""
    result = CliRunner().invoke(app, list(line))
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, HomestreamError), result.exception
    text = str(result.exception)
    assert "\n" not in text
    return text


def up(folder: Path) -> str:
    """What `up` prints before it ends with an error."""
    line = [sys.executable, "-m", "homestream", "up", "--home", str(folder)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that never ran."""
    folder = tmp_path / "home"
    init(folder, ports()[3])
    return folder


def names(of: Typer) -> list[str]:
    return [
        command.name or command.callback.__name__ for command in of.registered_commands if command.callback
    ]


#: Every command as typed, those of groups too.
LINES = [[name] for name in names(app)] + [
    [group.name, name] for group in app.registered_groups for name in names(group.typer_instance)
]


def test_every_command_of_the_readme_is_there_and_no_other() -> None:
    table = README.read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `homestream (\w+)", table, re.MULTILINE)
    assert named == [line[0] for line in LINES if len(line) == 1] + [
        group.name for group in app.registered_groups
    ]
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in named:
        assert re.search(rf"(?m)^\W*{name} ", shown), name


@pytest.mark.parametrize("option", re.findall(r"--[a-z]+", README.read_text(encoding="utf-8")))
def test_every_option_of_the_readme_is_there(option: str) -> None:
    helps = [CliRunner().invoke(app, [*line, "--help"], env={"COLUMNS": "200"}).output for line in LINES]
    assert any(option in text for text in helps)


@pytest.mark.parametrize(
    ("line", "next_step"),
    [
        ("up", "homestream init"),
        ("query 'SELECT 1'", "homestream init"),
        ("backtest", "homestream init"),
        ("report -o x.pdf", "homestream init"),
        ("status", "homestream up"),
        ("replay --digest", "homestream up"),
    ],
)
def test_where_no_home_is(tmp_path: Path, line: str, next_step: str) -> None:
    command = line.replace("'SELECT 1'", "SELECT").split()
    text = said(*command, "--home", str(tmp_path / "none"))
    assert f"{next_step}" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("query SELEC", ["query:", "SELEC", "readings"]),
        ("query oops.sql", ["query:", "readings"]),
        ("report -o x.pdf", ["no readings yet"]),
        ("report -o x.pdf --since yesterday", ["--since 'yesterday'", "2026-11-24T18:30"]),
        ("report -o x.pdf --until 25:99", ["--until '25:99'", "2026-11-24T18:30"]),
        ("backtest --since soon", ["--since 'soon'"]),
        ("backtest --rules nope.toml", ["nope.toml", "check the path"]),
        ("backtest", ["no history yet", "homestream up"]),
        ("replay", ["no history yet", "homestream up"]),
        ("status", ["homestream up --home"]),
        ("demo", ["a home of yours", "another --home"]),
    ],
)
def test_what_a_home_cannot_answer(home: Path, line: str, names: list[str]) -> None:
    text = said(*line.split(), "--home", str(home))
    for name in names:
        assert name in text


def test_targets_sources_and_durations_that_are_none(tmp_path: Path) -> None:
    assert "mqtt://HOST:PORT" in said("simulate", "--to", "ftp://x")
    assert "write it as 30s" in said("simulate", "--to", "x.csv", "--every", "often")
    assert "Europe/Berlin" in said("simulate", "--to", "x.csv", "--timezone", "Mars")
    assert "check the path" in said("etl", "missing.csv", "--into", str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_a_home_without_logins_gets_them(tmp_path: Path) -> None:
    """As `etl` makes it, or whose logins were lost."""
    (tmp_path / "home.toml").write_text('id = "cottage"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert shown.exit_code == 0
    assert (tmp_path / "home.toml").read_text(encoding="utf-8") == 'id = "cottage"\n'
    assert Credentials.load(tmp_path)["admin"] == Principal("admin", "cottage", "admin")


def test_init_twice_leaves_the_first(home: Path) -> None:
    before = (home / "credentials.toml").read_bytes()
    assert f"homestream up --home {home}" in said("init", str(home))
    assert (home / "credentials.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("toml", "names"),
    [
        ("name = 'x'\nport 5", ["line 2"]),
        ("name = 'x'\ntimezone = 'Mars'", [":2:", "timezone", "Europe/Berlin"]),
        ("nmae = 'x'", [":1:", "nmae"]),
        ("[door]\nhost = 'h'\nmqtt_port = 99999", [":3:", "mqtt_port", "65535"]),
        ("[[device]]\nid = 'a'\n[[device]]\nname = 'b'", [":3:", "device.1.id"]),
        ("[[device]]\nid = 'a'\nexpect_every = 'often'", [":3:", "write it as 30s"]),
        ("[security]\nexit_delay = 'soon'", [":2:", "write it as 30s"]),
        ("[security]\nnight_from = '25:00'", [":2:", "write it as 23:00"]),
        ("[[rule]]\nname = 'r'\nwhen = 'mode == x'\nfor = 'long'", [":4:", "write it as 30s"]),
        ("\n[[rule]]\nname = 'r'\nwhen = 'a/b.power >'", [":2"]),
        ("[notify]\nphone = 5", [":2:", "notify.phone"]),
    ],
)
def test_a_wrong_home_toml_is_said_with_its_line(home: Path, toml: str, names: list[str]) -> None:
    (home / "home.toml").write_text(toml, encoding="utf-8")
    text = said("up", "--home", str(home))
    assert str(home / "home.toml") in text
    for name in names:
        assert name in text


def test_a_home_toml_that_is_no_text(home: Path) -> None:
    (home / "home.toml").write_bytes(b"name = 'x'\nrooms = ['\xff']")
    assert "home.toml:2: this is no UTF-8" in said("up", "--home", str(home))


@pytest.mark.parametrize(
    "name", ["log.db", "outbox.db", "state/sessions.bin", "state/answers.msgpack", "credentials.toml"]
)
def test_a_damaged_file_is_named(home: Path, name: str) -> None:
    (home / "state").mkdir()
    (home / name).write_bytes(b"\xff\x00nonsense" * 1000)
    text = up(home)
    assert str(home / name) in text
    assert "move" in text or "delete" in text or "check" in text


def test_a_taken_port_and_a_second_up(home: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        (home / "home.toml").write_text(f"[door]\nhttp_port = {other.getsockname()[1]}\n", encoding="utf-8")
        text = up(home)
    assert "http_port under [door] in home.toml" in text
    with (tmp_path / "said").open("wb") as said, running_home(tmp_path / "busy", "", said) as busy:
        assert "is in use by another homestream" in up(busy.folder)
        busy.stop()
    assert f"page http://127.0.0.1:{busy.http}/" in (tmp_path / "said").read_text(encoding="utf-8")
