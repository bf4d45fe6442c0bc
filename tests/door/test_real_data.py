"""Dialogues and crash inputs of other brokers' tests, where they lie beside the project."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from homestream.wire import packets
from homestream.wire.packets import Connect, encode, publish

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "vectors_mqtt_packets"
PING = b"\xc0\x00"

pytestmark = pytest.mark.real_data


def vectors() -> Path:
    if not VECTORS.exists():
        pytest.skip("../shared/data is not beside the project: no packet vectors")
    return VECTORS


@pytest.fixture
async def doors(open_doors):
    async with open_doors() as doors:
        yield doors


async def serves(doors, join) -> None:
    friend = await join(doors, Connect("friend", True, 0))
    await friend.expect(packets.connack(0))
    friend.send(publish("t", b"1", 1, packet_id=1))
    await friend.expect(b"\x40\x02\x00\x01")
    await friend.close()


async def test_inputs_that_crashed_another_broker(doors, join) -> None:
    streams = [file.read_bytes() for file in sorted(vectors().glob("nanomq_vul_data*.raw"))]
    lines = (vectors() / "nanomq_fuzzy_test.txt").read_text().split()
    streams += [bytes.fromhex(line[: len(line) // 2 * 2]) for line in lines]
    assert len(streams) > 400
    for raw in streams:
        peer = await join(doors)
        peer.send(raw)
        with suppress(ConnectionError):
            peer.writer.write_eof()
            await asyncio.wait_for(peer.reader.read(), 5)
        await peer.close()
    await serves(doors, join)


async def talk(doors, join, test: dict[str, Any], name: str) -> bool:
    """Whether our side of a dialogue is as told."""
    peer = await join(doors)
    try:
        if test.get("connect", True):
            peer.send(encode(Connect(name, True, 60)))
            await peer.expect(packets.connack(0))
        for message in test["msgs"]:
            if message["type"] == "publish":
                doors.mqtt.publish(message["topic"], message["payload"].encode(), message.get("qos", 0))
                continue
            raw = bytes.fromhex(message["payload"])
            if message["type"] == "send":
                peer.send(raw)
            elif await asyncio.wait_for(peer.reader.readexactly(len(raw)), 1) != raw:
                return False
        if test.get("expect_disconnect", True):
            return await asyncio.wait_for(peer.reader.read(1), 1) == b""
        peer.send(PING)
        return await asyncio.wait_for(peer.reader.readexactly(2), 1) == b"\xd0\x00"
    except ConnectionError:
        return bool(test.get("expect_disconnect", True))
    except (TimeoutError, asyncio.IncompleteReadError):
        return False
    finally:
        await peer.close()


async def test_dialogues_of_mosquittos_tests(doors, join) -> None:
    passed, failed = 0, []
    for file in sorted((vectors() / "mosquitto").glob("*.json")):
        for group in json.loads(file.read_text()):
            for test in group["tests"]:
                if group.get("disable") or test.get("ver") not in (3, 4):
                    continue
                if await talk(doors, join, test, f"{group['group']} {test['name']}"[:60]):
                    passed += 1
                else:
                    failed.append(f"{group['group']}: {test['name']}")
    assert failed == []
    assert passed > 130
