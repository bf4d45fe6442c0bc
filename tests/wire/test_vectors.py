"""Packet vectors of others, where they lie beside the project: both levels, both directions, equal values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from homestream.wire.packets import Connect, OtherVersion, encode, publish
from homestream.wire.reader import Batch, Reader, Topics, Violation

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "vectors_mqtt_packets"

#: Where we know better, and the sentence of the standard that says so.
KNOWN = {
    "connect MQTT bridge 131": 'a protocol of its own: "If the Protocol Version is not 5 and the Server does '
    'not want to accept the CONNECT packet, the Server MAY send a CONNACK ... 0x84" (5.0, 3.1.2.2)',
    "connect MQTT bridge 132": "the same",
    "TConnectSpecInvalidUTF8NoSkip": '"A UTF-8 encoded sequence 0xEF 0xBB 0xBF is always interpreted as '
    'U+FEFF ... wherever it appears in a string and MUST NOT be skipped over" [MQTT-1.5.3-3]: allowed',
    "TPublishDup": '"The DUP flag MUST be set to 0 for all QoS 0 messages" [MQTT-3.3.1-2]',
    "TPublishDropOversize": "larger than that program's own setting; a broken packet to nobody else",
    "TPublishSpecDenySysTopic": "its verdict is a success; who may publish to $SYS is another matter",
    "TConnackProtocolViolationNoSession": '"Return codes 6-255 are reserved for future use" (3.1.1, '
    "3.2.2.3); here 0x82 and its like in a packet of 3.1.1",
    "TConnackBadProtocolVersion": "the same",
    "TConnackBadClientID": "the same",
    "TConnackServerUnavailable": "the same",
    "TConnackBadUsernamePassword": "the same",
    "TConnackNotAuthorised": "the same",
    "Version 5 CONNACK test 1": '"The Variable Header of the CONNACK Packet contains the following fields in '
    'the order: Connect Acknowledge Flags, Connect Reason Code, and Properties" (5.0, 3.2.2); here none',
    "Version 5 CONNACK test 2": "the same",
    "connack MQTT 5 with properties": '"It is a Protocol Error to include Maximum QoS more than once, or to '
    'have a value other than 0 or 1" (5.0, 3.2.2.3.4); here 2',
    "connack MQTT 5 with properties and doubled user properties": "the same",
    "TConnackDropProperties": "what its test leaves of a packet when it drops properties: 2 bytes short",
    "TConnackDropPropertiesPartial": "the same",
    "TDisconnectDropProperties": "the same",
    "TSubackInvalidSharedNoLocal": '"The Server sending the SUBACK packet MUST send one of the Subscribe '
    'Reason Code values for each Topic Filter received" [MQTT-3.9.3-2]; 0x82 is none',
}

pytestmark = pytest.mark.real_data


def rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found(file).read_text().splitlines()]


def found(file: str) -> Path:
    if not (VECTORS / file).exists():
        pytest.skip("../shared/data is not beside the project: no packet vectors")
    return VECTORS / file


def read(raw: bytes, level: int) -> Any:
    """The packet, as whoever may receive it reads it; None where nobody may, or where its end is missing."""
    server = Reader(Topics(), aliases=65_535)
    if raw[:1] != b"\x10":
        server.feed(encode(Connect("c", True, 0, level)))
        if level == 5:
            server.feed(publish("t", b"", level=5, properties={"topic_alias": 1}))
    for reader in (server, Reader(Topics(), level=level, aliases=65_535)):
        packets = reader.feed(raw)
        if packets and not any(isinstance(one, Violation | OtherVersion) for one in packets):
            return packets[0]
    return None


def as_ours(properties: dict[str, Any]) -> dict[str, Any]:
    """The vectors' way to write properties -> ours."""
    ours: dict[str, Any] = {}
    for camel, value in properties.items():
        name = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), camel)
        if isinstance(value, dict) and "hex" in value:
            ours[name] = bytes.fromhex(value["hex"])
        elif name == "user_properties":
            pairs = [(k, v) for k, vs in value.items() for v in (vs if isinstance(vs, list) else [vs])]
            ours["user_property"] = pairs
        else:
            ours[name.replace("identifiers", "identifier")] = value
    return ours


def test_mqtt_packet() -> None:
    seen, compared, disagreed = {"good": 0, "bad": 0}, 0, []
    for row in rows("mqtt_packet_js.jsonl"):
        raw, expect = bytes.fromhex(row["hex"]), row.get("expect") or {}
        level = row.get("protocol_version") or expect.get("protocolVersion") or 4
        good = row["kind"] != "parse_error"
        packet = read(raw, level)
        if row["name"] in KNOWN:
            continue
        seen["good" if good else "bad"] += 1
        if (packet is not None) != good:
            disagreed.append((row["name"], row["kind"], row.get("error"), row["hex"], packet))
        elif packet is not None and "properties" in expect:
            got = packet.properties.get(0, {}) if isinstance(packet, Batch) else packet.properties
            wanted = as_ours(expect["properties"])
            ids = wanted.get("subscription_identifier")
            if isinstance(packet, Batch) and ids is not None and not isinstance(ids, list):
                wanted["subscription_identifier"] = [ids]
            wanted.pop("topic_alias", None)  # resolved and gone
            compared += 1
            assert got == wanted, row["name"]
        elif isinstance(packet, Batch):
            assert packet.topics[0] == expect["topic"]
    assert not disagreed, "\n".join(map(str, disagreed))
    assert seen["good"] > 60 and seen["bad"] > 40 and compared > 10


def test_mochi() -> None:
    disagreed, seen = [], {4: 0, 5: 0}
    for row in rows("mochi_tpackets.jsonl"):
        raw, level = bytes.fromhex(row["hex"]), row["protocol_version"] or 4
        if not raw or row["case"] in KNOWN:
            continue
        seen[5 if level == 5 else 4] += 1
        good = row["decode_error"] is None and row["validate_or_encode_error"] is None
        packet = read(raw, level)
        if (packet is not None) != good:
            disagreed.append(
                (row["case"], row["decode_error"], row["validate_or_encode_error"], row["hex"], packet)
            )
    assert not disagreed, "\n".join(map(str, disagreed))
    assert seen[4] > 60 and seen[5] > 40


def test_what_crashed_another_broker_is_read_or_refused() -> None:
    lines = found("nanomq_fuzzy_test.txt").read_text().split()
    streams = [bytes.fromhex(line[: len(line) // 2 * 2]) for line in lines]
    streams += [file.read_bytes() for file in sorted(VECTORS.glob("nanomq_vul_data*.raw"))]
    assert len(streams) > 500
    for level in (4, 5):
        hello = encode(Connect("c", True, 0, level))
        for stream in streams:
            for raw in (stream, hello + stream):
                once = Reader(Topics(), aliases=9).feed(raw)
                assert all(not isinstance(one, Violation) for one in once[:-1])
                client = Reader(Topics(), level=level).feed(stream)
                assert all(not isinstance(one, Violation) for one in client[:-1])
