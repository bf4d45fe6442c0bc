"""The CoAP listener, by aiocoap's client and libcoap's."""

import asyncio
import json
import shutil

import aiocoap
import cbor2
import pytest
from aiocoap.numbers import codes

from homestream.door.coap import CoapDoor
from homestream.door.coap_paths import MAX_BODY
from homestream.errors import HomestreamError

ROW = b'{"device": "garden/probe", "metric": "temperature", "value": 7.5}'
TOKEN = "token=sensor:correct horse"


@pytest.fixture
async def doors(open_doors):
    async with open_doors(anonymous=False, coap=True) as doors:
        yield doors


@pytest.fixture
async def ask(doors):
    context = await aiocoap.Context.create_client_context(transports=["udp6"])

    async def ask(path: str, payload: bytes = b"", code=aiocoap.POST, token: str | None = TOKEN, ct=50):
        message = aiocoap.Message(code=code, payload=payload, uri=f"coap://127.0.0.1:{doors.coap}/{path}")
        if token is not None:
            message.opt.uri_query = (token,)
        if payload and ct is not None:
            message.opt.content_format = ct
        return await asyncio.wait_for(context.request(message).response, 10)

    yield ask
    await context.shutdown()


async def test_json_is_acknowledged_after_the_commit(doors, ask) -> None:
    for code in (aiocoap.POST, aiocoap.PUT):
        answer = await ask("readings", ROW, code)
        assert answer.code == codes.CHANGED
    assert doors.log.end() == 3
    assert doors.messages == [("api/readings", ROW)] * 2
    assert doors.committed[0].source == "coap:sensor"


async def test_blocks_are_put_together(doors, ask) -> None:
    body = json.dumps([json.loads(ROW)] * 100).encode()
    answer = await ask("readings", body)
    assert answer.code == codes.CHANGED
    assert (doors.committed[0].payload, doors.committed[0].items) == (body, 100)


async def test_senml_in_both_forms(doors, ask) -> None:
    pack = [{"bn": "urn:dev:ow:12:", "n": "temperature", "u": "Cel", "v": 21.5}]
    assert (await ask("senml", json.dumps(pack).encode(), ct=110)).code == codes.CHANGED
    compact = cbor2.dumps([{-2: "urn:dev:ow:12:", 0: "temperature", 1: "Cel", 2: 21.5}])
    assert (await ask("senml", compact, ct=112)).code == codes.CHANGED
    assert [json.loads(payload) for _, payload in doors.messages] == [pack, pack]


async def test_refusals_say_why(doors, ask) -> None:
    answer = await ask("readings", b'[{"device": "x"}, ' + ROW + b"]")
    assert answer.code == codes.BAD_REQUEST
    assert answer.payload.startswith(b"row 0: ") and answer.payload.endswith(b"1 stored, 1 refused")
    answer = await ask("senml", b"\xff", ct=112)
    assert (answer.code, answer.payload[:16]) == (codes.BAD_REQUEST, b"body is not CBOR")
    assert doors.refusals[0].payload == b"\xff"
    assert (await ask("readings", ROW, ct=0)).code == codes.UNSUPPORTED_CONTENT_FORMAT
    assert (await ask("etc/passwd", ROW)).code == codes.NOT_FOUND
    assert (await ask("readings", code=aiocoap.GET)).code == codes.METHOD_NOT_ALLOWED
    assert (await ask("readings", ROW, token=None)).code == codes.UNAUTHORIZED
    assert (await ask("readings", ROW, token="token=sensor:wrong")).code == codes.UNAUTHORIZED
    answer = await ask("readings", b" " * (MAX_BODY + 1))
    assert answer.code == codes.REQUEST_ENTITY_TOO_LARGE
    reasons = [entry.topic.split(" ")[0] for entry in doors.refusals]
    assert reasons == ["body", "content", "body"]


async def test_a_full_disk_is_no_204(doors, ask) -> None:
    doors.log.full = True
    assert (await ask("readings", ROW)).code == codes.SERVICE_UNAVAILABLE
    doors.log.full = False
    assert (await ask("readings", ROW)).code == codes.CHANGED


async def test_what_there_is_can_be_asked(ask) -> None:
    answer = await ask(".well-known/core", code=aiocoap.GET, token=None)
    assert answer.code == codes.CONTENT
    assert b"</readings>" in answer.payload and b"</senml>" in answer.payload


async def test_noise_harms_nobody(doors, ask) -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", doors.coap)
    )
    for raw in (b"", b"\x40", b"\xff" * 1000, b"\x40\x02\x00\x01\xff", b"GET / HTTP/1.1\r\n", b"\x00" * 4):
        transport.sendto(raw)
    assert (await ask("readings", ROW)).code == codes.CHANGED
    transport.close()


async def test_libcoaps_client_where_anonymous_is_allowed(open_doors) -> None:
    client = shutil.which("coap-client") or shutil.which("coap-client-notls")
    if client is None:
        pytest.skip("coap-client is not installed: libcoap3-bin")
    async with open_doors(anonymous=True, coap=True) as doors:
        process = await asyncio.create_subprocess_exec(
            client, "-m", "post", "-t", "50", "-e", ROW.decode(), f"coap://127.0.0.1:{doors.coap}/readings"
        )
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert doors.messages == [("api/readings", ROW)]
        assert doors.committed[0].source == "coap:anonymous"


async def test_a_taken_port_is_one_line(doors) -> None:
    second = CoapDoor(doors.config.door, doors.intake)
    with pytest.raises(HomestreamError, match="coap_port"):
        await second.start()
