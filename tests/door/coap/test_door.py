"""The CoAP listener, by aiocoap's client and libcoap's."""

import asyncio
import json
import shutil
import socket
from pathlib import Path

import aiocoap
import cbor2
import pytest
from aiocoap.numbers import codes
from aiocoap.oscore import FilesystemSecurityContext, NotAProtectedMessage

from homestream.door.coap import oscore, paths
from homestream.door.coap.door import CoapDoor
from homestream.door.coap.paths import MAX_BODY
from homestream.door.login.token import token
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


async def test_what_is_no_coap_is_in_the_books(doors, ask, until) -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", doors.coap)
    )
    noise = [b"\x40", b"\xff" * 9, b"\x5a\x0a[[", b"p\0\x124\xff", b"GET / HTTP/1.1\r\n"]
    for raw in noise:
        transport.sendto(raw)
    transport.close()
    await until(lambda: len(doors.refusals) == len(noise))
    assert [entry.payload for entry in doors.refusals] == noise
    assert {entry.topic for entry in doors.refusals} == {"datagram is no CoAP message"}
    assert all(entry.source.startswith("coap:") and "127.0.0.1" in entry.source for entry in doors.refusals)


async def test_a_token_is_as_good_as_a_password(doors, ask) -> None:
    answer = await ask("readings", ROW, token=f"token={token('sensor', 'correct horse')}")
    assert answer.code == codes.CHANGED


async def test_a_device_observes_its_commands(doors, ask) -> None:
    assert (await ask("devices/garden/valve", code=aiocoap.GET)).payload == b"{}"
    assert (await ask("devices/garden/valve", code=aiocoap.GET, token=None)).code == codes.UNAUTHORIZED
    assert (await ask("devices", code=aiocoap.GET)).code == codes.NOT_FOUND
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    uri = f"coap://127.0.0.1:{doors.coap}/devices/garden/valve"
    message = aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0)
    message.opt.uri_query = (TOKEN,)
    request = context.request(message)
    assert (await asyncio.wait_for(request.response, 5)).payload == b"{}"
    doors.coap_door.tell("next-door", "garden/valve", b"not for us")
    doors.coap_door.tell("home", "garden/other", b"not for us either")
    told = aiter(request.observation)
    for payload in (b'{"metric": "switch", "value": 1}', b'{"metric": "switch", "value": 0}'):
        doors.coap_door.tell("home", "garden/valve", payload)
        assert (await asyncio.wait_for(anext(told), 5)).payload == payload
    # Who comes back at once is told what it may have missed.
    assert (await ask("devices/garden/valve", code=aiocoap.GET)).payload == payload
    request.observation.cancel()
    await context.shutdown()


async def test_a_command_is_not_kept_for_long(doors, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "COMMAND_S", -1.0)
    doors.coap_door.tell("home", "garden/valve", b"open")
    assert (await ask("devices/garden/valve", code=aiocoap.GET)).payload == b"{}"
    monkeypatch.setattr(paths, "MAX_COMMANDS", 2)
    monkeypatch.setattr(paths, "COMMAND_S", 10.0)
    for n in range(4):
        doors.coap_door.tell("home", f"garden/{n}", b"open")
    told = [(await ask(f"devices/garden/{n}", code=aiocoap.GET)).payload for n in range(4)]
    assert told == [b"{}", b"{}", b"open", b"open"]


@pytest.fixture
async def sealed(doors, tmp_path: Path):
    """Makes a key for a name; a client that seals with it, and where to."""
    contexts = []

    async def client(name: str) -> tuple[aiocoap.Context, str]:
        place = tmp_path / f"device{len(contexts)}"
        place.mkdir()
        (place / "settings.json").write_text(json.dumps(oscore.add(tmp_path / "coap", name)))
        context = await aiocoap.Context.create_client_context(transports=["oscore", "udp6"])
        where = f"coap://127.0.0.1:{doors.coap}"
        context.client_credentials[f"{where}/*"] = FilesystemSecurityContext(str(place))
        contexts.append(context)
        return context, where

    yield client
    for context in contexts:
        await context.shutdown()


async def post(context: aiocoap.Context, where: str, payload: bytes) -> aiocoap.Message:
    uri = f"{where}/readings"
    message = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=payload, content_format=50)
    return await asyncio.wait_for(context.request(message).response, 10)


async def test_a_device_may_seal_its_messages(doors, sealed) -> None:
    context, where = await sealed("sensor")
    assert (await post(context, where, ROW)).code == codes.CHANGED
    assert doors.committed[-1].source == "coap:sensor"
    large = json.dumps([json.loads(ROW)] * 60).encode()
    assert (await post(context, where, large)).code == codes.CHANGED
    assert doors.committed[-1].items == 60


async def test_a_key_that_was_taken_away_is_refused(doors, sealed, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(oscore, "LOOK_S", 0.0)
    context, where = await sealed("sensor")
    assert (await post(context, where, ROW)).code == codes.CHANGED
    oscore.remove(tmp_path / "coap", "sensor")
    with pytest.raises(NotAProtectedMessage):  # an answer that is not sealed: who cannot be read gets 4.01
        await post(context, where, ROW)
    assert len(doors.committed) == 1
    assert list((tmp_path / "coap").iterdir()) == []
    context, where = await sealed("sensor")
    assert (await post(context, where, ROW)).code == codes.CHANGED


async def test_sealed_messages_where_nobody_has_a_key(doors) -> None:
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    message = aiocoap.Message(code=aiocoap.POST, uri=f"coap://127.0.0.1:{doors.coap}/readings", payload=ROW)
    message.opt.oscore = b"\x09\x00\x01"
    assert (await asyncio.wait_for(context.request(message).response, 5)).code == codes.UNAUTHORIZED
    await context.shutdown()


@pytest.fixture
def libcoap(doors):
    """Runs libcoap's client; its answer's text."""
    client = shutil.which("coap-client") or shutil.which("coap-client-notls")
    if client is None:
        pytest.skip("coap-client is not installed: libcoap3-bin")

    async def run(path: str, *words: str, payload: bytes = b"") -> str:
        uri = f"coap://127.0.0.1:{doors.coap}/{path}?token={token('sensor', 'correct horse')}"
        process = await asyncio.create_subprocess_exec(
            client,
            *words,
            *(("-f", "-") if payload else ()),
            uri,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(payload), 20)
        return out.decode()

    return run


async def test_libcoap_posts_and_puts_small_and_large(doors, libcoap) -> None:
    large = json.dumps([json.loads(ROW)] * 100).encode()
    pack = json.dumps([{"n": "garden/probe/temperature", "u": "Cel", "v": n} for n in range(90)]).encode()
    for method in ("post", "put"):
        for path, form, payload in (
            ("readings", "50", ROW),
            ("readings", "50", large),
            ("senml", "110", pack),
            ("senml", "112", cbor2.dumps(json.loads(pack))),
        ):
            said = await libcoap(path, "-m", method, "-t", form, "-b", "256", payload=payload)
            assert said.strip() == ""
    assert [entry.items for entry in doors.committed] == [1, 100, 90, 90] * 2
    assert "row 0" in await libcoap("readings", "-m", "post", "-t", "50", payload=b'{"device": "x"}')


async def test_libcoap_observes(doors, libcoap, until) -> None:
    listening = asyncio.create_task(libcoap("devices/garden/valve", "-m", "get", "-s", "2"))
    await until(lambda: doors.coap_door.observers)
    doors.coap_door.tell("home", "garden/valve", b'{"metric": "switch", "value": 1}')
    assert '{"metric": "switch", "value": 1}' in await listening
    await until(lambda: not doors.coap_door.observers)


async def test_a_device_observes_its_commands_sealed(doors, sealed, until) -> None:
    context, where = await sealed("sensor")
    uri = f"{where}/devices/garden/valve"
    request = context.request(aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0))
    assert (await asyncio.wait_for(request.response, 5)).payload == b"{}"
    await until(lambda: doors.coap_door.observers)
    told = aiter(request.observation)
    for payload in (b'{"metric": "switch", "value": 1}', b'{"metric": "switch", "value": 0}'):
        doors.coap_door.tell("home", "garden/valve", payload)
        assert (await asyncio.wait_for(anext(told), 5)).payload == payload
    request.observation.cancel()


async def test_who_is_taken_out_observes_no_more(doors, until) -> None:
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    message = aiocoap.Message(code=aiocoap.GET, uri=f"coap://127.0.0.1:{doors.coap}/devices/valve", observe=0)
    message.opt.uri_query = (TOKEN,)
    request = context.request(message)
    await asyncio.wait_for(request.response, 5)
    doors.coap_door.part({"somebody else"})
    await asyncio.sleep(0.1)
    assert doors.coap_door.observers == 1
    doors.coap_door.part({"sensor"})
    last = await asyncio.wait_for(anext(aiter(request.observation)), 5)
    assert last.code == codes.UNAUTHORIZED
    await until(lambda: not doors.coap_door.observers)
    await context.shutdown()


async def test_a_payload_marker_with_no_payload_is_malformed(doors, ask, until) -> None:
    """RFC 7252, section 3; an option may well end with the same byte."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(bytes.fromhex("50021234ff"), ("127.0.0.1", doors.coap))
        await until(lambda: doors.refusals)
        peer.sendto(bytes.fromhex("5002123541ff"), ("127.0.0.1", doors.coap))
    assert (await ask("readings", ROW)).code == codes.CHANGED
    assert [entry.payload for entry in doors.refusals] == [bytes.fromhex("50021234ff")]


async def test_packets_of_libcoaps_tests(doors, ask, until) -> None:
    file = Path(__file__).parents[4] / "shared" / "data" / "vectors_coap" / "libcoap_test_pdu.jsonl"
    if not file.exists():
        pytest.skip("../shared/data is not beside the project: libcoap's packets were not sent")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [row for row in rows if row["transport"] == "COAP_PROTO_UDP"]
    bad = [bytes.fromhex(row["hex"]) for row in rows if not row["parse_ok"]]
    assert len(bad) > 5
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for row in rows:
            peer.sendto(bytes.fromhex(row["hex"]), ("127.0.0.1", doors.coap))
    await until(lambda: len(doors.refusals) >= len(bad))
    assert (await ask("readings", ROW)).code == codes.CHANGED
    assert [entry.payload for entry in doors.refusals] == bad
