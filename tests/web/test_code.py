"""The code that disarms, and what arming warns of, over the API."""

from pathlib import Path

import httpx
import pytest

from homestream.errors import ConfigError
from homestream.web.code import FILE, TRIES, Code, WrongCode

from .conftest import CONFIG, House


@pytest.fixture
def code(house: House) -> Code:
    """1234, set as the command line does."""
    made = Code(house.folder)
    made.set("1234")
    return made


def mode_of(house: House) -> str:
    mode: str = house.engine.view(CONFIG.id)["mode"]
    return mode


async def test_arming_says_what_stands_open(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/window", "contact", "open")
    await house.say("hall/front_door", "contact", "unknown")
    await house.say("attic/window", "contact", "closed")
    answer = (await admin.post("/api/mode", json={"mode": "away"})).json()
    assert answer["warnings"] == ["Kitchen window is open", "Front door is not seen"]
    assert mode_of(house) == "away"


async def test_without_a_code_set_none_is_needed(house: House, admin: httpx.AsyncClient) -> None:
    for mode in ("away", "disarmed"):
        assert (await admin.post("/api/mode", json={"mode": mode})).status_code == 200
    assert house.acted[-1][1] == {"mode": "disarmed"}


async def test_disarming_takes_the_code(house: House, admin: httpx.AsyncClient, code: Code) -> None:
    assert (await admin.post("/api/mode", json={"mode": "night"})).status_code == 200
    for body in ({"mode": "disarmed"}, {"mode": "home"}, {"mode": "disarmed", "code": "4321"}):
        assert (await admin.post("/api/mode", json=body)).status_code == 403
    assert mode_of(house) == "night"
    assert (await admin.post("/api/mode", json={"mode": "away"})).status_code == 200
    assert (await admin.post("/api/mode", json={"mode": "disarmed", "code": "1234"})).status_code == 200
    assert mode_of(house) == "disarmed"
    assert house.acted[-1][1] == {"mode": "disarmed", "code": True}, "the code itself stays out of the log"


async def test_wrong_codes_are_an_event_and_then_wait(
    house: House, admin: httpx.AsyncClient, code: Code
) -> None:
    await admin.post("/api/mode", json={"mode": "away"})
    wrong = {"mode": "disarmed", "code": "0000"}
    said = [(await admin.post("/api/mode", json=wrong)).status_code for _ in range(TRIES + 1)]
    assert said == [403] * (TRIES - 1) + [429, 429]
    assert (await admin.post("/api/mode", json=wrong | {"code": "1234"})).status_code == 429
    assert [name for name, _, _ in house.acted] == ["mode", "wrong_code"]
    assert house.engine.view(CONFIG.id)["security"][0]["kind"] == "wrong_code"


async def test_bypassing_takes_the_code_while_armed(
    house: House, admin: httpx.AsyncClient, code: Code
) -> None:
    await house.say("kitchen/window", "contact", "open")
    path = "/api/devices/kitchen/window/bypass"
    assert (await admin.post(path, json={"bypass": True})).status_code == 200
    await admin.post("/api/mode", json={"mode": "away"})
    assert (await admin.post(path, json={"bypass": True})).status_code == 403
    assert (await admin.post(path, json={"bypass": False})).status_code == 200
    assert (await admin.post("/api/devices/no/such/bypass", json={"bypass": True})).status_code == 404


async def test_the_code_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    made = Code(tmp_path)
    assert not made.needed
    made.set("2468")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert "2468" not in (tmp_path / FILE).read_text()
    await made.check("2468")
    with pytest.raises(WrongCode):
        await made.check("")
    made.set(None)
    assert not made.needed


@pytest.mark.parametrize("code", ["", "123", "12\n34", "x" * 65])
def test_a_code_is_neither_short_nor_endless(tmp_path: Path, code: str) -> None:
    with pytest.raises(ConfigError):
        Code(tmp_path).set(code)


async def test_a_damaged_hash_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\x00")
    with pytest.raises(WrongCode):
        await Code(tmp_path).check("1234")
