"""The HTTP routes, by httpx over a real socket."""

import asyncio
import gzip
import json
import zlib

import httpx
import pytest

from homestream.door import http as limits
from homestream.door.intake import MAX_ROWS
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
