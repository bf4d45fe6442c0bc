"""Who may come in."""

import asyncio
import stat
import time
from pathlib import Path

import pytest

from homestream.door.credentials import MAX_ATTEMPTS, Credentials, Principal, TooManyAttempts
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


@pytest.mark.parametrize("name", ["", "a:b", "x" * 201, "a\nb"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ConfigError, match="no user name"):
        Credentials().add(name, "home", "device")


@pytest.mark.parametrize(
    "text", ["[plug]\nrole='device'\n", "[plug]\nhome='h'\nrole='god'\nhash=''", "=", "x=1"]
)
def test_a_damaged_file_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"credentials\.toml"):
        Credentials.load(tmp_path)
