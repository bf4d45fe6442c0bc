"""Packet vectors of others, where they lie beside the project: 3.1.1, as a server reads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from homestream.wire.packets import Connect, OtherVersion, encode
from homestream.wire.reader import Batch, Reader, Topics, Violation

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "vectors_mqtt_packets"
HELLO = encode(Connect("c", True, 0))

#: Where we know better, and why.
KNOWN = {
    "connect MQTT bridge 131": "a private protocol of mosquitto's bridges, which try again without",
    "connect MQTT bridge 132": "the same",
    "Unknown property": "5.0",
    "TConnectSpecInvalidUTF8NoSkip": "U+FEFF is allowed, and must only not be stripped (1.5.3)",
    "TPublishDup": "DUP with QoS 0 is forbidden (3.3.1-2)",
    "TPublishDropOversize": "larger than that program's own setting",
    "TPublishSpecDenySysTopic": "its verdict is a success",
}

pytestmark = pytest.mark.real_data


def rows(file: str) -> list[dict[str, Any]]:
    path = VECTORS / file
    if not path.exists():
        pytest.skip("../shared/data is not beside the project: no packet vectors")
    return [json.loads(line) for line in path.read_text().splitlines()]


def read(raw: bytes) -> list[object]:
    reader = Reader(Topics())
    if raw[:1] != b"\x10":
        reader.feed(HELLO)
    return list(reader.feed(raw))


def from_client(raw: bytes) -> bool:
    """What a server may receive: not CONNACK, SUBACK, UNSUBACK, PINGRESP, AUTH."""
    return raw[0] >> 4 in (1, 3, 4, 5, 6, 7, 8, 10, 12, 14)


def test_mqtt_packet() -> None:
    seen = {"valid": 0, "parse_error": 0}
    disagreed = []
    for row in rows("mqtt_packet_js.jsonl"):
        raw, expect = bytes.fromhex(row["hex"]), row.get("expect") or {}
        version = expect.get("protocolVersion", 4)
        if not from_client(raw) or version == 5 or "5" in row["name"] or "properties" in str(expect):
            continue
        good = row["kind"] != "parse_error"
        found = read(raw)
        refused = not found or any(isinstance(one, Violation | OtherVersion) for one in found)
        seen["valid" if good else "parse_error"] += 1
        if refused == good and row["name"] not in KNOWN:
            disagreed.append((row["name"], row["kind"], row.get("error"), found))
        elif good and found and isinstance(found[0], Batch):
            assert found[0].topics[0] == expect["topic"]
    assert disagreed == []
    assert seen["valid"] > 15 and seen["parse_error"] > 15


def test_mochi() -> None:
    disagreed, seen = [], 0
    for row in rows("mochi_tpackets.jsonl"):
        raw = bytes.fromhex(row["hex"])
        if row["protocol_version"] == 5 or not raw or not from_client(raw):
            continue
        seen += 1
        good = row["decode_error"] is None and row["validate_or_encode_error"] is None
        found = read(raw)
        refused = not found or any(isinstance(one, Violation | OtherVersion) for one in found)
        if refused == good and row["case"] not in KNOWN:
            disagreed.append((row["case"], row["decode_error"], row["validate_or_encode_error"], found))
    assert disagreed == []
    assert seen > 40
