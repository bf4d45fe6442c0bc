"""Snapshots of older programs, brought step by step to what this one reads.

A field that is added needs no step: its `restore` gives it a value where the snapshot has none. What is
renamed, moved or means another thing from now on raises `VERSION` and has a step that says how.
"""

from collections.abc import Callable
from typing import Any

from homestream.errors import HomestreamError

#: The format that `Engine.freeze` writes.
VERSION = 2


class SnapshotError(HomestreamError):
    """A snapshot that cannot be read: of a newer program, or damaged. Replay the log without it."""


def upgraded(state: dict[str, Any]) -> dict[str, Any]:
    """A snapshot's state as today's program writes it; `SnapshotError` for one of a newer program."""
    while (version := state["version"]) != VERSION:
        if version not in STEPS:
            raise SnapshotError(
                f"the snapshot has version {version}, this program reads {min(STEPS)} to {VERSION}; "
                "replay the log without it"
            )
        STEPS[version](state)
        state["version"] = version + 1
    return state


def _from_1(state: dict[str, Any]) -> None:
    """Timers name their operator by its place, so a home says from now on who stood where.

    Security, anomalies and commands keep more than they did; what is usual is learned anew, in minutes.
    """
    for home in state["homes"]:
        home.setdefault(
            "order", ["presence", "security", "rules", "outage", "anomaly", "commands", "conservation"]
        )
        operators = home["operators"]
        operators.get("presence", {}).setdefault("air", {})
        security = operators.get("security", {})
        if "previous" in security:
            security["head"] = security.pop("previous")
            security["arming"] = [[], home["mode"] != "disarmed", 0]
            security["entry"] = [0, []]
        anomaly = operators.get("anomaly", {})
        if "rests" not in anomaly:
            anomaly |= {"usual": [], "rests": [], "profiles": [], "standing": [], "told": {}, "begun": False}
        if isinstance(operators.get("commands"), list):
            pending = operators["commands"]
            operators["commands"] = {"pending": pending, "groups": [], "refused": [], "alerts": []}


#: From which version -> what makes it the next.
STEPS: dict[int, Callable[[dict[str, Any]], None]] = {1: _from_1}
