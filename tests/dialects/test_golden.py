"""Golden cases, one file an idea: messages in order, the rows they become, the devices they leave behind.

A reading is [device, metric, value] or [device, metric, value, time]; without a time it is the arrival time,
and null is unknown. A refusal is {"refused": "part of the reason"}.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homestream import dialects
from homestream.dialects import Refusal

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*/*.json"))
FAMILIES = {"hook", "line", "owntracks", "plain", "rows", "senml", "tasmota", "zigbee2mqtt"}


def written(row: dialects.Row, arrived: int) -> Any:
    """A row as a golden file writes it."""
    if isinstance(row, Refusal):
        return {"refused": row.reason}
    readings = []
    for r in row:
        value = None if math.isnan(r.value) else r.value
        readings.append([r.device, r.metric, value] + ([r.time] if r.time != arrived else []))
    return readings


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted["refused"] in found["refused"]
    return bool(found == wanted)


def test_every_family_has_cases() -> None:
    assert {case.parent.name for case in CASES} == FAMILIES


@pytest.mark.parametrize("restarts", [False, True], ids=["straight", "restarted after each message"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_golden(
    case: Path, restarts: bool, new_home: Callable[..., Any], message: Callable[..., Any]
) -> None:
    golden = json.loads(case.read_text(encoding="utf-8"))
    home = new_home(**golden.get("config", {}))
    for n, step in enumerate(golden["messages"]):
        sent = message(step["topic"], step["payload"], step.get("items", 1))
        assert dialects.count_items(sent.topic, sent.payload) == sent.items, f"message {n}"
        rows = home.decode(step["topic"], step["payload"], sent.items)
        found = [written(row, sent.arrived) for row in rows]
        assert len(found) == len(step["rows"]), f"message {n}: {found}"
        for one, wanted in zip(found, step["rows"], strict=True):
            assert same(one, wanted), f"message {n}: {one} instead of {wanted}"
        if restarts:
            home.restart()
    for device_id, wanted in golden.get("devices", {}).items():
        device = home.registry.devices[device_id]
        assert {key: getattr(device, key) for key in wanted} == wanted
    for command in golden.get("commands", ()):
        topic, payload = dialects.encode_command(
            home.registry, command["device"], command["metric"], command["value"]
        )
        assert (topic, payload.decode()) == (command["topic"], command["payload"])
