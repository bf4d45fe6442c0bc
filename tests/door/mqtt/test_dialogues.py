"""Dialogues with a broker that others wrote down, where they lie beside the project: all of 3.1.1 and 5.0.

Each sends packets and expects answers; then the connection is closed, or goes on and answers a ping.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from homestream.wire.packets import Connect, encode

#: Seconds in which a broken connection is closed; ten dialogues end in waiting for it in vain.
CLOSES = 1.5

DIALOGUES = Path(__file__).parents[4] / "shared" / "data" / "vectors_mqtt_packets" / "mosquitto"

#: Where another answer is right, or as right: group and name, our verdict, the sentence of the standard.
SETTLED = [
    (
        r"U\+00(01|1F|7F|9F)|0x00(01|1F|7F|9F)",
        r"too long|20 03 00 86 00|20 02 00 04",
        "control characters in other strings than topics: a receiver MAY treat them as malformed (1.5.4)",
    ),
    (
        r"v3.1.1 CONNECT: 10 (Username|Password)|v5.0   CONNECT: 10 Username flag",
        r"20 02 00 04|20 03 00 86 00",
        "whoever gives a name is asked for its password: BAD_USER_NAME_OR_PASSWORD (3.2.2.2)",
    ),
    (
        r"DISALLOWED PROPERTIES: .* with ",
        r"expected e0 01 82, got e0 .. 81",
        "an identifier which is not valid for its packet type is a Malformed Packet: 0x81 (2.2.2.2)",
    ),
    (
        r"v5.0   AUTH: F[1248]",
        r"expected e0 01 82, got e0 .. 81",
        "reserved bits of AUTH: MUST treat any other value as malformed (3.15.1)",
    ),
    (
        r"PUB(REC|REL)( ALLOWED PROPERTIES)?: ",
        r"expected (62|70) 02 00 01, got (62|70) 03 00 01 92",
        "0x92 Packet Identifier not found (3.6.2.1, 3.7.2.1)",
    ),
    (
        r"SUBSCRIBE: .*(no topic or qos|short 3|82 short|handling=3)|UNSUBSCRIBE: .*short 3",
        r"expected e0 01 81, got e0 .. 82",
        "no filter at all is a Protocol Error (3.8.3, 3.10.3), and so is Retain Handling 3 (3.8.3.1)",
    ),
    (
        r"subscription-identifier=0",
        r"expected e0 01 81, got e0 .. 82",
        "it is a Protocol Error if the Subscription Identifier has a value of 0 (3.8.2.1.2)",
    ),
    (
        r"UNSUBACK: B[1248]",
        r"expected e0 01 81, got e0 .. 82",
        "a packet that only a server may send is a Protocol Error (4.13.1), whatever its flags",
    ),
]

pytestmark = pytest.mark.real_data


def groups() -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (group["group"], group["tests"])
        for file in sorted(DIALOGUES.glob("*.json"))
        for group in json.loads(file.read_text())
        if not group.get("disable")
    ]


async def talk(port: int, group: str, test: dict[str, Any]) -> str:
    """What went otherwise than written, or ""."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    level = test.get("ver", 4)
    try:
        if test.get("connect", True):
            writer.write(encode(Connect(f"{group} {test['name']}", True, 60, level)))
            await asyncio.wait_for(packet(reader), 5)
        for step in test["msgs"]:
            raw = bytes.fromhex(step["payload"].replace(" ", "")) if step["type"] in ("send", "recv") else b""
            if step["type"] == "send":
                writer.write(raw)
            elif step["type"] == "recv":
                got = await asyncio.wait_for(packet(reader), 5)
                if not alike(got, raw):
                    return f"expected {raw.hex(' ')}, got {got.hex(' ')}"
            else:
                return f"step {step['type']} is not known"
        if test.get("expect_disconnect", True):
            rest = await asyncio.wait_for(reader.read(), CLOSES)
            refused = not rest or rest[0] == 0xE0 or (rest[0] == 0x20 and rest[3] != 0)
            return "" if refused else f"got {rest.hex(' ')} before the end"
        writer.write(b"\xc0\0")
        got = await asyncio.wait_for(packet(reader), 5)
        return "" if got == b"\xd0\0" else f"no answer to a ping but {got.hex(' ')}"
    except TimeoutError:
        return "it took too long"
    except (asyncio.IncompleteReadError, ConnectionError):
        closes = test.get("expect_disconnect", True) and not any(s["type"] == "recv" for s in test["msgs"])
        return "" if closes else "closed early"
    finally:
        writer.transport.abort()


async def packet(reader: asyncio.StreamReader) -> bytes:
    """One packet; lengths here are of one byte or two."""
    head = await reader.readexactly(2)
    if head[1] > 127:
        head += await reader.readexactly(1)
    size = head[1] if len(head) == 2 else (head[1] & 127) | head[2] << 7
    return head + await reader.readexactly(size)


def alike(got: bytes, expected: bytes) -> bool:
    """The same, but for what a server may add: properties of CONNACK and DISCONNECT."""
    if expected[0] == 0x20 and len(expected) > 4:
        return got[0] == 0x20 and got[2 + (got[1] > 127) :][:2] == expected[2 + (expected[1] > 127) :][:2]
    if expected[0] == 0xE0 and len(expected) > 2:
        return got[0] == 0xE0 and got[2:3] == expected[2:3]
    return got == expected


@pytest.mark.skipif(not DIALOGUES.exists(), reason="../shared/data is not beside the project: no dialogues")
async def test_dialogues(open_doors) -> None:
    otherwise: dict[str, str] = {}
    seen, used = 0, set()
    async with open_doors() as doors:
        for group, tests in groups():
            for test in tests:
                seen += 1
                if verdict := await talk(doors.mqtt.port, group, test):
                    otherwise[f"{group}: {test['name']}"] = verdict
    for name, verdict in list(otherwise.items()):
        for who, what, sentence in SETTLED:
            if re.search(who, name) and re.search(what, verdict):
                used.add(sentence)
                otherwise.pop(name, None)
    assert otherwise == {}
    assert used == {sentence for _, _, sentence in SETTLED}, "the others are as written by now"
    assert seen > 1_000
