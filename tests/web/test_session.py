import json
import stat
from pathlib import Path

import pytest

from homestream.door.login.credentials import Credentials
from homestream.web import session
from homestream.web.session import FILE, LIFETIME_S, SESSIONS, Sessions

MARKS = {"ann": "of her password"}


def test_a_token_names_its_holder_until_logged_out(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, MARKS.get)
    token = sessions.open("ann")
    assert sessions.name(token) == "ann"
    assert sessions.name(token + "x") is None
    sessions.close(token)
    assert sessions.name(token) is None


def test_a_restart_keeps_log_ins_and_the_file_holds_no_token(tmp_path: Path) -> None:
    token = Sessions(tmp_path, MARKS.get).open("ann")
    assert Sessions(tmp_path, MARKS.get).name(token) == "ann"
    assert token not in (tmp_path / FILE).read_text()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("broken", ["", "{", "[[1]]", '{"a": 1}', "[[1, 2, null]]", "\x00"])
def test_a_broken_file_means_nobody_is_logged_in(tmp_path: Path, broken: str) -> None:
    (tmp_path / FILE).write_text(broken)
    sessions = Sessions(tmp_path, MARKS.get)
    assert sessions.name(sessions.open("ann")) == "ann"
    assert len(json.loads((tmp_path / FILE).read_text())) == 1


def test_a_session_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(tmp_path, MARKS.get)
    token = sessions.open("ann")
    later = session.time.time() + LIFETIME_S + 1
    monkeypatch.setattr(session.time, "time", lambda: later)
    assert sessions.name(token) is None


def test_log_ins_without_end_push_out_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(tmp_path, MARKS.get)
    monkeypatch.setattr(sessions, "_save", lambda: None)
    tokens = [sessions.open("ann") for _ in range(SESSIONS + 1)]
    assert sessions.name(tokens[0]) is None
    assert sessions.name(tokens[-1]) == "ann"


def test_two_homes_on_one_host_have_different_cookies(tmp_path: Path) -> None:
    assert Sessions(tmp_path / "a", MARKS.get).cookie != Sessions(tmp_path / "b", MARKS.get).cookie


def test_another_password_ends_the_log_ins_made_with_the_one_before(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials.toml")
    credentials.add("ann", "home", "admin", "one")
    credentials.add("bob", "home", "admin", "his")
    sessions = Sessions(tmp_path, credentials.mark)
    ann, bob = sessions.open("ann"), sessions.open("bob")
    credentials.add("ann", "home", "admin", "two")
    assert sessions.name(ann) is None
    assert sessions.name(bob) == "bob"
    assert Sessions(tmp_path, credentials.mark).name(bob) == "bob"
    again = sessions.open("ann")
    credentials.remove("ann")
    assert sessions.name(again) is None
