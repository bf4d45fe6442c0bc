import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi.routing import APIRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Origin

from homestream.door.login.attempts import MAX_ATTEMPTS
from homestream.door.login.credentials import Credentials
from homestream.web import api_backtest, api_control, api_history, api_live, api_security, api_system
from homestream.web.guard import HEADERS, LARGEST

from .conftest import PASSWORD, USER, House

#: every route of the API with its method, but logging in
ROUTES = [
    (method, route.path.replace("{alert}", "a").replace("{device:path}", "kitchen/lamp"))
    for module in (api_control, api_history, api_live, api_security, api_system, api_backtest)
    for route in module.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
] + [("POST", "/api/logout")]


async def test_every_route_asks_who_is_there(stranger: httpx.AsyncClient) -> None:
    for method, path in ROUTES:
        answer = await stranger.request(method, path)
        assert (answer.status_code, answer.json()) == (401, {"detail": "log in first"}), path


def test_the_list_of_routes_is_whole() -> None:
    assert len(ROUTES) == 20


async def test_a_log_in_is_a_cookie_that_no_script_reads_and_no_other_site_sends(
    stranger: httpx.AsyncClient,
) -> None:
    answer = await stranger.post("/api/login", json={"user": USER, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert PASSWORD not in cookie
    assert (await stranger.get("/api/view")).status_code == 200
    assert (await stranger.post("/api/logout")).status_code == 200
    assert (await stranger.get("/api/view")).status_code == 401


async def test_only_admins_of_this_home_with_the_right_password_come_in(
    stranger: httpx.AsyncClient,
) -> None:
    wrong = [(USER, "wrong"), ("nobody", PASSWORD), ("sensor", PASSWORD), ("neighbour", PASSWORD), ("", "")]
    for user, password in wrong:
        login = {"user": user, "password": password}
        assert (await stranger.post("/api/login", json=login)).status_code == 401, user
        assert (await stranger.get("/api/view", auth=(user, password))).status_code == 401, user


async def test_whoever_keeps_guessing_has_to_wait(house: House) -> None:
    house.credentials.add("guessed", "home", "admin", "right")
    async with httpx.AsyncClient(base_url=house.address) as client:
        codes = [
            (await client.post("/api/login", json={"user": "guessed", "password": f"{n}"})).status_code
            for n in range(MAX_ATTEMPTS + 1)
        ]
        last = await client.post("/api/login", json={"user": "guessed", "password": "right"})
    assert codes == [401] * MAX_ATTEMPTS + [429]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0


async def test_a_log_in_that_makes_no_sense_is_refused_and_not_repeated(
    stranger: httpx.AsyncClient,
) -> None:
    bodies = [b"", b"[]", b"{", b'{"user": 1, "password": 2}', b'{"user": "a"}', b"\xff\xfe", b"9" * 5000]
    bodies.append(json.dumps({"user": "a", "password": "secret" * 300}).encode())
    for body in bodies:
        answer = await stranger.post("/api/login", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), body
        assert "secret" not in answer.text


async def test_basic_works_for_scripts_and_acts_under_its_own_name(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.address, auth=(USER, PASSWORD)) as script:
        assert (await script.get("/api/view")).status_code == 200
        assert (await script.post("/api/mode", json={"mode": "away"})).status_code == 200
    assert house.acted == [("mode", {"mode": "away"}, f"http:{USER}")]


async def test_broken_basic_is_refused(stranger: httpx.AsyncClient) -> None:
    for header in ("Basic ???", "Basic " + "/" * 7, "Basic /w==", "Basic", "Bearer x"):
        answer = await stranger.get("/api/view", headers={"Authorization": header})
        assert answer.status_code in (400, 401), header


async def test_another_sites_changes_are_refused(house: House, admin: httpx.AsyncClient) -> None:
    login = {"user": USER, "password": PASSWORD}
    for origin in ("http://evil.example", "null", "", "http://[", "http://127.0.0.1:1", "http://127.0.0.1"):
        headers = {"Origin": origin}
        for path, body in (("/api/mode", {"mode": "away"}), ("/api/login", login), ("/api/v1/readings", [])):
            assert (await admin.post(path, json=body, headers=headers)).status_code == 403, (origin, path)
    assert house.acted == []


async def test_a_change_by_cookie_without_origin_is_refused(house: House, admin: httpx.AsyncClient) -> None:
    del admin.headers["Origin"]
    assert (await admin.post("/api/mode", json={"mode": "away"})).status_code == 403
    assert house.acted == []


async def test_every_answer_carries_the_policy(house: House, stranger: httpx.AsyncClient) -> None:
    for path in ("/", "/login", "/app.js", "/api/view", "/nothing", "/vendor/inter.woff2"):
        answer = await stranger.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "server" not in answer.headers
    refused = await stranger.post("/api/mode", headers={"Origin": "http://evil.example"})
    assert "unsafe" not in refused.headers["content-security-policy"]


async def test_large_or_unending_bodies_are_refused_before_they_are_read(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/mode", content=b"x" * (LARGEST + 1))).status_code == 413

    async def unsaid() -> AsyncIterator[bytes]:
        yield b"{}"

    assert (await admin.post("/api/mode", content=unsaid())).status_code == 411


async def test_a_restart_keeps_the_log_in_and_a_removed_admin_loses_it(
    house: House, admin: httpx.AsyncClient
) -> None:
    held = dict(admin.cookies)
    async with house.serving(), httpx.AsyncClient(base_url=house.address, cookies=held) as again:
        assert (await again.get("/api/view")).status_code == 200
    house.credentials = Credentials()
    async with house.serving(), httpx.AsyncClient(base_url=house.address, cookies=held) as again:
        assert (await again.get("/api/view")).status_code == 401


def live(house: House) -> str:
    return house.address.replace("http", "ws") + "/live"


def cookies(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}


async def test_a_socket_from_another_site_is_refused(house: House, admin: httpx.AsyncClient) -> None:
    for origin in (None, Origin("http://evil.example")):
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(live(house), origin=origin, additional_headers=cookies(admin)):
                pass


async def test_a_socket_without_session_is_told_to_log_in(house: House) -> None:
    async with connect(live(house), origin=Origin(house.address)) as socket:
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_logging_out_ends_open_pages(
    house: House, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_live, "RECHECK_S", 0.05)
    headers = cookies(admin)
    async with connect(live(house), origin=Origin(house.address), additional_headers=headers) as socket:
        assert json.loads(await socket.recv())["type"] == "view"
        await admin.post("/api/logout")
        with pytest.raises(ConnectionClosedError):
            async with asyncio.timeout(3):
                while True:
                    await socket.recv()
    await asyncio.sleep(0.05)
    assert len(house.hub) == 0
