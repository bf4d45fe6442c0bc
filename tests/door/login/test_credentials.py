"""Who may come in."""

import asyncio
import stat
import time
from pathlib import Path

import pytest

from homestream.door.login.attempts import MAX_ATTEMPTS, TooManyAttempts
from homestream.door.login.credentials import Credentials, Principal
from homestream.errors import ConfigError


def test_what_was_added_is_known_after_a_restart(tmp_path: Path) -> None:
    credentials = Credentials.load(tmp_path)
    password = credentials.add("admin", 'Haus "Süd" 🏠', "admin")
    credentials.add("plug", "home", "device", "given")
    assert len(password) >= 20
    file = tmp_path / "credentials.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert password not in file.read_text() and "given" not in file.read_text()
    again = Credentials.load(tmp_path)
    assert again.verify("admin", password) == Principal("admin", 'Haus "Süd" 🏠', "admin")
    assert again.verify("plug", "given") == Principal("plug", "home", "device")
    assert again.verify("plug", password) is None
    assert again.verify("nobody", "given") is None
    assert again.verify("plug", "\udcff") is None
    assert again.verify("plug", "x" * 100_000) is None
    assert "plug" in again and "nobody" not in again


def test_yes_is_remembered_and_a_new_password_ends_that() -> None:
    credentials = Credentials()
    credentials.add("plug", "home", "device", "first")
    assert credentials.cached("plug", "first") is None
    assert credentials.verify("plug", "first") is not None
    begin = time.perf_counter()
    for _ in range(100):
        assert credentials.cached("plug", "first") is not None
        assert credentials.verify("plug", "first") is not None
    assert credentials.cached("plug", "wrong") is None
    assert time.perf_counter() - begin < 1, "a hundred argon2 would take seconds"
    credentials.add("plug", "home", "device", "second")
    assert credentials.cached("plug", "first") is None
    assert credentials.verify("plug", "first") is None


async def test_guessing_is_stopped_and_the_right_login_elsewhere_is_not() -> None:
    credentials = Credentials()
    credentials.add("plug", "home", "device", "right")
    tries = [credentials.check("plug", f"guess {n}", "10.0.0.9") for n in range(MAX_ATTEMPTS + 5)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(result is None for result in results) == MAX_ATTEMPTS
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 5
    with pytest.raises(TooManyAttempts):
        await credentials.check("plug", "right", "10.0.0.9")
    assert await credentials.check("plug", "right", "10.0.0.10") is not None
    assert await credentials.check("plug", "right", "10.0.0.9") is not None, (
        "known good now: no argon2 needed"
    )
    for n in range(MAX_ATTEMPTS):
        assert await credentials.check(f"nobody{n}", "x", "10.0.0.9") is None
    with pytest.raises(TooManyAttempts):
        await credentials.check("nobody", "x", "10.0.0.9")


async def test_filters_are_kept_and_another_process_adds_changes_and_removes(tmp_path: Path) -> None:
    running = Credentials.load(tmp_path)
    other = Credentials.load(tmp_path)
    first = other.add("bridge", "home", "device", publish=["zigbee2mqtt/#"], subscribe=[])
    kept = other.add("plug", "home", "device")
    assert running.verify("bridge", first) is None
    assert running.reload() == set()
    narrow = Principal("bridge", "home", "device", ("zigbee2mqtt/#",), ())
    assert running.verify("bridge", first) == running["bridge"] == narrow
    assert running.verify("plug", kept) is not None
    again = Credentials.load(tmp_path).add("bridge", "home", "device")
    assert running.reload() == {"bridge"}
    assert running.cached("bridge", first) is None and running.cached("plug", kept) is not None
    assert running.verify("bridge", first) is None and running.verify("bridge", again) is not None
    other.remove("bridge")
    assert running.reload() == {"bridge"}
    assert [who.name for who in running] == ["plug"]
    with pytest.raises(KeyError):
        other.remove("bridge")


async def test_one_who_is_removed_while_the_password_is_looked_at_stays_out(tmp_path: Path) -> None:
    running = Credentials.load(tmp_path)
    password = running.add("plug", "home", "device")
    looking = asyncio.ensure_future(running.check("plug", password, "10.0.0.9"))
    await asyncio.sleep(0)
    running.remove("plug")
    assert await looking is None


@pytest.mark.parametrize("name", ["", "anonymous", "a:b", "x" * 201, "a\nb"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ConfigError, match="no user name"):
        Credentials().add(name, "home", "device")


@pytest.mark.parametrize(
    "text",
    [
        "[plug]\nrole='device'\n",
        "[plug]\nhome='h'\nrole='god'\nhash=''",
        "[plug]\nhome='h'\nrole='device'\nhash=''\npublish=[1]",
        "=",
        "x=1",
    ],
)
def test_a_damaged_file_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"credentials\.toml"):
        Credentials.load(tmp_path)
