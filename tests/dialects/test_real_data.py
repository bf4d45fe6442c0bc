"""Payloads of real homes: every good one understood or knowingly ignored, every bad one with its reason."""

import base64
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homestream import dialects
from homestream.dialects import Refusal, influx
from homestream.reading import METRICS

pytestmark = pytest.mark.real_data
DATA = Path(__file__).parents[2].parent / "shared" / "data"
#: 2027-01-01: after everything in the data, so that no device time lies in the future.
ARRIVED = 1_798_761_600_000
#: A row without a topic shows only a payload; where such a payload would come.
USUAL = {"zigbee2mqtt": "zigbee2mqtt/x", "tasmota": "tele/x/SENSOR", "senml": "api/senml"}
#: Rows of the Tasmota folder that other makers' devices sent, and a log line: no topic of Tasmota's.
FOREIGN = ("/ESP_BOX/", "obk_lamp", "log/ZIG")
#: "Good" rows that RFC 8428 tells us to refuse, or that are another format than SenML JSON and CBOR.
NOT_SENML = {
    "not JSON": "XML, which no door of ours offers",
    "a SenML pack is an array": "the format of the drafts before the RFC",
    "SenML version 11": "a version that must not be used",
    "a record has no name": "numbers without names, an illustration of CBOR",
    "must be understood": "a field that must be understood",
}


def rows_of(family: str, file: str) -> Iterator[tuple[dict[str, Any], str, bytes]]:
    """Each row of a file, its topic and payload."""
    path = DATA / f"payloads_{family}" / f"{file}.jsonl"
    if not path.exists():
        pytest.skip(f"../shared/data is not beside the project: {path} is missing")
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "payload_hex" in row:
            payload = bytes.fromhex(row["payload_hex"])
        else:
            text = row["payload"] if isinstance(row["payload"], str) else json.dumps(row["payload"])
            payload = text.encode()
        yield row, row.get("topic") or USUAL[family], payload


def decoded(home: Any, topic: str, payload: bytes) -> list[dialects.Row]:
    rows: list[dialects.Row] = home.decode(topic, payload, dialects.count_items(topic, payload), ARRIVED)
    for row in rows:
        if isinstance(row, Refusal):
            assert row.reason and not row.reason.startswith("internal error")
            continue
        for reading in row:
            _, low, high = METRICS.get(reading.metric, ("", -math.inf, math.inf))
            assert math.isnan(reading.value) or low <= reading.value <= high
    return rows


@pytest.mark.parametrize("family", ["zigbee2mqtt", "tasmota"])
def test_every_good_row_is_understood(family: str, home: Any) -> None:
    understood = 0
    for _, topic, payload in rows_of(family, "good"):
        (row,) = decoded(home, topic, payload)
        if topic.startswith(FOREIGN):
            assert row == Refusal("no dialect knows this topic")
            continue
        assert not isinstance(row, Refusal), (topic, payload, row)
        understood += bool(row)
    assert understood > 75


@pytest.mark.parametrize("family", ["zigbee2mqtt", "tasmota"])
def test_every_bad_row_is_refused_or_read_as_far_as_it_goes(family: str, home: Any) -> None:
    refused = 0
    for note, topic, payload in rows_of(family, "bad_edge"):
        (row,) = decoded(home, topic, payload)
        if isinstance(row, Refusal):
            refused += 1
        elif note["why"].startswith("not valid JSON"):
            pytest.fail(f"{topic} {payload!r} was taken for JSON")
    assert refused == {"zigbee2mqtt": 7, "tasmota": 8}[family]


def test_impossible_readings_of_the_field_are_left_out(home: Any) -> None:
    found = [
        row
        for note, topic, payload in rows_of("zigbee2mqtt", "bad_edge")
        if "bad readings" in note["why"]
        for row in decoded(home, topic, payload)
    ]
    metrics = [reading.metric for row in found if not isinstance(row, Refusal) for reading in row]
    assert "pressure" in metrics and "battery" in metrics
    assert "temperature" not in metrics and "humidity" not in metrics


@pytest.mark.parametrize("file", ["good", "cbor", "bad_edge"])
def test_senml(file: str, home: Any) -> None:
    for note, topic, payload in rows_of("senml", file):
        for row in decoded(home, topic, payload):
            if isinstance(row, Refusal) and "why" not in note:
                assert any(known in row.reason for known in NOT_SENML), (payload, row)


def test_senml_reads_all_renderings_of_an_example_alike(home: Any) -> None:
    """Plain, generated, resolved, wrapped and CBOR forms of the RFC's examples, but for ex1's own time."""
    examples: dict[str, list[list[dialects.Row]]] = {}
    for file in ("good", "bad_edge", "cbor"):
        for note, topic, payload in rows_of("senml", file):
            name = note["source"].split()[-1]
            if "senml-spec" in note["source"] and not name.endswith("xml"):
                examples.setdefault(name.split(".")[0], []).append(decoded(home, topic, payload))
    del examples["ex1"]
    compared = 0
    for name, renderings in examples.items():
        assert all(rows == renderings[0] for rows in renderings), name
        compared += len(renderings) - 1
    assert compared >= 7


def corpus(file: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    path = DATA / "line_protocol" / f"corpus_decode_{file}.jsonl"
    if not path.exists():
        pytest.skip(f"../shared/data is not beside the project: {path} is missing")
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row, base64.b64decode(row["payload_b64"]) if row["payload"] is None else row["payload"].encode()


def test_line_protocol_reads_every_valid_text_value_for_value() -> None:
    unit = {"1ns": 1, "1µs": 1_000, "1ms": 1_000_000, "1s": 1_000_000_000}
    kinds = {"float": float, "int": int, "uint": int, "bool": bool, "string": str}
    for row, payload in corpus("valid"):
        ns, default = unit[row["precision"]], row["default_time_ns"]
        found = []
        for point in influx.points(payload):
            assert isinstance(point, influx.Point), (payload, point)
            measurement, tagged = influx.series_of(point.series)
            time = default // ns * ns if point.time is None else point.time * ns
            found.append((measurement, sorted(tagged.items()), point.fields, time))
        wanted = []
        for point in row["expected"]:
            fields = [(f["key"], kinds[k](v)) for f in point["fields"] for k, v in f["value"].items()]
            wanted.append(
                (point["name"], [(t["key"], t["value"]) for t in point["tags"]], fields, point["time"])
            )
        assert found == wanted, payload


def test_line_protocol_refuses_every_invalid_text() -> None:
    for row, payload in corpus("invalid"):
        assert any(isinstance(point, Refusal) for point in influx.points(payload)), (payload, row["error"])


def test_line_protocol_s_corpus_is_decoded_without_a_crash(new_home: Callable[..., Any]) -> None:
    for _, payload in (*corpus("valid"), *corpus("invalid")):
        rows = decoded(new_home(), "api/write/ns", payload)
        assert all(isinstance(row, list | Refusal) for row in rows)
