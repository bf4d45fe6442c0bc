"""The HTTP routes, by httpx over a real socket."""

import asyncio
import gzip
import json
import zlib

import httpx
import pytest

from homestream.door import underway
from homestream.door.http import request as limits
from homestream.door.intake import MAX_ROWS
from homestream.door.login.token import token
from homestream.reading import Kind

LOGIN = ("sensor", "correct horse")
ROW = {"device": "laundry/iron", "metric": "power", "value": 1200}


@pytest.fixture
async def doors(open_doors):
    async with open_doors(anonymous=False, http=True) as doors:
        yield doors


@pytest.fixture
async def client(doors):
    async with httpx.AsyncClient(base_url=doors.http, auth=LOGIN) as client:
        yield client


async def test_an_object_an_array_and_lines(doors, client) -> None:
    other = {"device": "attic/box", "temperature": 21, "humidity": 40}
    for body, kind, rows in [
        (json.dumps(ROW), "application/json", 1),
        (json.dumps([ROW, other]), "application/json; charset=utf-8", 2),
        (f"{json.dumps(ROW)}\n{json.dumps(other)}\n", "application/x-ndjson", 2),
    ]:
        answer = await client.post("/api/v1/readings", content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()) == (200, {"stored": rows, "refused": []})
        entry = doors.committed[-1]
        assert (entry.kind, entry.home, entry.source) == (Kind.MESSAGE, "home", "http:sensor")
        assert (entry.topic, entry.payload, entry.items) == ("api/readings", body.encode(), rows)
    assert doors.log.end() == 4, "answered after it was on disk"


async def test_bad_rows_are_named_and_the_good_ones_stored(doors, client) -> None:
    answer = await client.post("/api/v1/readings", json=[ROW, {"device": "x"}, ROW, 5])
    assert answer.status_code == 207
    assert answer.json()["stored"] == 2
    assert [(row["row"], bool(row["reason"])) for row in answer.json()["refused"]] == [(1, True), (3, True)]
    assert doors.committed[-1].items == 4


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"<html>", b"\xff\xfe", b"[" * 5000, b"5", b'{"device":"x","metric":"power","value":NaN}'],
)
async def test_what_is_no_reading_is_a_400_with_its_reason_and_counted(doors, client, body: bytes) -> None:
    answer = await client.post("/api/v1/readings", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["stored"] == 0
    assert answer.json()["refused"][0]["reason"]
    assert doors.committed[-1].payload == body


async def test_gzip(doors, client) -> None:
    zipped = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = json.dumps([ROW] * 100).encode()
    answer = await client.post("/api/v1/readings", content=gzip.compress(body), headers=zipped)
    assert answer.json()["stored"] == 100
    assert doors.messages == [("api/readings", body)]
    for broken in (b"not gzip", gzip.compress(body)[:-9], gzip.compress(body) + b"x"):
        answer = await client.post("/api/v1/readings", content=broken, headers=zipped)
        assert (answer.status_code, "gzip" in answer.json()["error"]) == (400, True)
        assert doors.refusals[-1].payload == broken[:4096]
    bomb = gzip.compress(bytes(limits.MAX_BODY + 1))
    answer = await client.post("/api/v1/readings", content=bomb, headers=zipped)
    assert answer.status_code == 413
    answer = await client.post(
        "/api/v1/readings", content=zlib.compress(body), headers={**zipped, "Content-Encoding": "deflate"}
    )
    assert answer.status_code == 415


async def test_line_protocol(doors, client) -> None:
    good = "power,device=laundry/iron value=1200 1767607200000000000\n"
    for path in ("/write?db=any", "/api/v2/write?org=o&bucket=b"):
        answer = await client.post(path, content=good)
        assert (answer.status_code, answer.content) == (204, b"")
        assert doors.messages[-1] == ("api/write/ns", good.encode())
    answer = await client.post("/api/v2/write?precision=s", content="power,device=iron value=1 1767607200")
    assert (answer.status_code, doors.messages[-1][0]) == (204, "api/write/s")
    answer = await client.post("/write", content=good + "no fields\n" + good)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("partial write: row 1: ")
    assert answer.json()["error"].endswith("dropped=1")
    assert doors.committed[-1].items == 3
    answer = await client.post("/write?precision=fortnight", content=good)
    assert (answer.status_code, answer.json()["code"]) == (400, "refused")


async def test_senml(doors, client) -> None:
    pack = [{"bn": "urn:dev:mac:0024befffe804ff1:", "n": "temperature", "u": "Cel", "v": 21.5}]
    answer = await client.post("/api/v1/senml", json=pack, headers={"Content-Type": "application/senml+json"})
    assert answer.status_code == 200
    cbor = bytes.fromhex("81a4216e75726e3a6465763a6f773a31323a006b74656d70657261747572650163")
    cbor += b"Cel" + bytes.fromhex("02f94d60")
    headers = {"Content-Type": "application/senml+cbor"}
    answer = await client.post("/api/v1/senml", content=cbor, headers=headers)
    assert answer.status_code == 200
    topic, payload = doors.messages[-1]
    assert topic == "api/senml"
    assert json.loads(payload) == [{"bn": "urn:dev:ow:12:", "n": "temperature", "u": "Cel", "v": 21.5}]
    answer = await client.post("/api/v1/senml", content=b"\xff", headers=headers)
    assert answer.status_code == 400
    assert doors.refusals[-1].payload == b"\xff"


@pytest.mark.parametrize(
    "header",
    ["Bearer sensor:correct horse", "Token sensor:correct horse", "Basic c2Vuc29yOmNvcnJlY3QgaG9yc2U="],
)
async def test_ways_to_log_in(doors, header: str) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        answer = await client.post("/api/v1/readings", json=ROW, headers={"Authorization": header})
        assert answer.status_code == 200


async def test_who_is_nobody_stays_out(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        answer = await client.post("/write?u=sensor&p=correct+horse", content="power,device=x value=1")
        assert answer.status_code == 204
        for headers in (
            {},
            {"Authorization": "Basic !"},
            {"Authorization": "Basic //8="},
            {"Authorization": b"Basic \xe9"},
            {"Authorization": "Bearer x"},
            {"Authorization": "Bearer sensor:wrong"},
        ):
            answer = await client.post("/api/v1/readings", json=ROW, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert len(doors.committed) == 1


async def test_guessing_is_stopped(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        codes = [
            (await client.post("/write", content="x v=1", auth=("guessed", f"{n}"))).status_code
            for n in range(12)
        ]
        assert codes == [401] * 10 + [429] * 2


async def test_limits(doors, client) -> None:
    answer = await client.post("/api/v1/readings", json=[ROW] * (MAX_ROWS + 1))
    assert (answer.status_code, str(MAX_ROWS) in answer.json()["error"]) == (413, True)
    assert (doors.refusals[-1].topic, doors.messages) == (answer.json()["error"], [])
    answer = await client.post(
        "/api/v1/readings", content=b"x" * 10_000_000, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413

    async def endless():
        for _ in range(200):
            yield b"x" * 100_000

    with pytest.raises((httpx.HTTPError, AssertionError)):
        answer = await client.post("/write", content=endless())
        assert answer.status_code != 413
    answer = await client.post("/api/v1/readings", content=b"{}", headers={"Content-Type": "text/html"})
    assert answer.status_code == 415
    assert doors.messages == []
    first_words = [entry.topic.split(" ")[0] for entry in doors.refusals]
    assert first_words == [str(MAX_ROWS + 1), "body", "body", "content"]


async def test_another_sites_page_may_not_post(doors, client) -> None:
    answer = await client.post("/write", content="x v=1", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    answer = await client.post("/write", content="x v=1", headers={"Origin": doors.http})
    assert answer.status_code == 204


async def test_a_full_disk_is_a_503(doors, client) -> None:
    doors.log.full = True
    answer = await client.post("/api/v1/readings", json=ROW)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    doors.log.full = False
    assert (await client.post("/api/v1/readings", json=ROW)).status_code == 200
    assert len(doors.committed) == 1


async def test_half_a_request_harms_nobody(doors, client) -> None:
    port = int(doors.http.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /write HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2Vuc29yOmNvcnJlY3QgaG9yc2U=\r\n"
        b"Content-Length: 100\r\n\r\nhalf"
    )
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    assert (await client.post("/api/v1/readings", json=ROW)).status_code == 200
    assert len(doors.committed) == 1


async def test_influx_clients_may_ask_whether_somebody_is_there(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        for answer in (await client.get("/ping"), await client.head("/ping")):
            assert answer.status_code == 204
            assert answer.headers["X-Influxdb-Version"]


async def test_a_token_is_as_good_as_a_password(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        for scheme in ("Bearer", "Token", "bearer"):
            said = {"Authorization": f"{scheme} {token(*LOGIN)}"}
            answer = await client.post("/api/v1/readings", json=ROW, headers=said)
            assert answer.status_code == 200


async def test_influx_3_names_the_bad_lines(doors, client) -> None:
    good = "power,device=laundry/iron value=1200 1767607200\n"
    answer = await client.post("/api/v3/write_lp?db=home&no_sync=true", content=good)
    assert (answer.status_code, answer.content) == (204, b"")
    assert doors.messages[-1] == ("api/write/auto", good.encode())
    assert doors.log.end() == 2, "on disk, whatever no_sync says"
    bad = f'# a remark\n{good}\ntemp,device=x value=\nnote text="two\nlines"\nm v=1x 5\n'
    answer = await client.post("/api/v3/write_lp?db=home&precision=second", content=bad)
    assert (answer.status_code, answer.json()["error"]) == (400, "partial write of line protocol occurred")
    told = [(row["line_number"], row["original_line"]) for row in answer.json()["data"]]
    assert told == [(4, "temp,device=x value="), (7, "m v=1x 5")]
    assert all(row["error_message"] for row in answer.json()["data"])
    assert (doors.committed[-1].topic, doors.committed[-1].items) == ("api/write/s", 4)


async def test_influx_3_may_want_all_or_nothing(doors, client) -> None:
    path = "/api/v3/write_lp?db=home&accept_partial=false"
    answer = await client.post(path, content="m v=1\nm v=\nm v=2\n")
    assert (answer.status_code, answer.json()["error"]) == (400, "parsing failed for write_lp endpoint")
    assert answer.json()["data"]["line_number"] == 2
    assert (doors.messages, doors.refusals[-1].items) == ([], 3)
    assert (await client.post(path, content="m v=1\n")).status_code == 204
    for wrong in ("/api/v3/write_lp", f"{path}&precision=week", "/api/v3/write_lp?db=x&no_sync=maybe"):
        assert (await client.post(wrong, content="m v=1")).status_code == 400


async def test_what_influx_clients_ask_before_they_write(client) -> None:
    assert (await client.get("/health")).json()["status"] == "pass"
    made = await client.post("/query", params={"q": 'CREATE DATABASE "telegraf"'})
    assert made.json() == {"results": [{"statement_id": 0}]}
    made = await client.post("/query", data={"q": 'CREATE DATABASE "telegraf"'})
    assert made.json() == {"results": [{"statement_id": 0}]}
    answer = await client.get("/query", params={"q": "SHOW DATABASES; SELECT * FROM m"})
    shown, asked = answer.json()["results"]
    assert shown["series"][0]["values"] == [["home"]]
    assert "homestream query" in asked["error"]
    assert (await client.get("/query", auth=("sensor", "wrong"))).status_code == 401


async def test_a_webhook_needs_neither_headers_nor_a_body(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http) as client:
        key = f"token={token(*LOGIN)}"
        answer = await client.get(f"/api/v1/hook/bath/ht?{key}&temp=21.3&hum=40")
        assert (answer.status_code, answer.json()["stored"]) == (200, 1)
        assert doors.messages == [("api/hook/bath/ht", b"temp=21.3&hum=40")]
        answer = await client.get(f"/api/v1/hook/bath/ht?{key}?hum=41&temp=21.4&id=shellyht-1")
        assert doors.messages[-1] == ("api/hook/bath/ht", b"hum=41&temp=21.4&id=shellyht-1")
        answer = await client.post("/api/v1/hook/hall/door", json={"event": "open"}, auth=LOGIN)
        assert doors.messages[-1] == ("api/hook/hall/door", b'{"event":"open"}')
        answer = await client.get(f"/api/v1/hook/hall/door?{key}&event=exploded")
        assert (answer.status_code, "exploded" in answer.text) == (400, True)
        assert (await client.get("/api/v1/hook/bath/ht?temp=21.3")).status_code == 401
        picture = {"Sec-Fetch-Site": "cross-site"}
        answer = await client.get(f"/api/v1/hook/bath/ht?{key}&temp=1", headers=picture)
        assert answer.status_code == 403
        answer = await client.post(f"/api/v1/readings?{key}", json=ROW)
        assert answer.status_code == 401, "a token in a URL is for webhooks only"


async def test_the_same_key_stores_nothing_twice(doors, client) -> None:
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    batch = [ROW, {"device": "x"}]
    answers = [await client.post("/api/v1/readings", json=batch, headers=key) for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(207, answers[0].text)}
    assert len(doors.messages) == 1
    answer = await client.post("/api/v1/readings", json=ROW, headers=key)
    assert (answer.status_code, doors.refusals[-1].payload) == (422, answer.request.content)
    many = [client.post("/write", content="m v=1", headers={"Idempotency-Key": "k"}) for _ in range(5)]
    assert {answer.status_code for answer in await asyncio.gather(*many)} == {204}
    assert len(doors.messages) == 2
    answer = await client.post("/write", content="m v=1", headers={"Idempotency-Key": "k" * 300})
    assert answer.status_code == 400


async def test_what_failed_may_come_again_with_its_key(doors, client) -> None:
    key = {"Idempotency-Key": "again"}
    doors.log.full = True
    assert (await client.post("/write", content="m v=1", headers=key)).status_code == 503
    doors.log.full = False
    assert (await client.post("/write", content="m v=1", headers=key)).status_code == 204
    assert len(doors.messages) == 1


async def test_who_has_too_much_under_way_is_asked_to_wait(
    doors, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(underway, "MAX_SHARE", 1000)
    answer = await client.post("/write", content="m v=1\n" * 500)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert (await client.post("/write", content="m v=1")).status_code == 204
    assert len(doors.messages) == 1


async def test_a_list_of_topics_holds_here_too(doors) -> None:
    async with httpx.AsyncClient(base_url=doors.http, auth=("narrow", LOGIN[1])) as client:
        assert (await client.get("/api/v1/hook/hall/door?event=open")).status_code == 200
        answer = await client.get("/api/v1/hook/bath/ht?temp=5")
        assert (answer.status_code, doors.refusals[-1].source) == (403, "http:narrow")
        assert (await client.post("/write", content="m v=1")).status_code == 403
