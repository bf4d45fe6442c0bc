"""What the door remembers over a restart, and over a new version."""

from pathlib import Path

import msgspec
import pytest

from homestream.door.mqtt.sessions import Memory, keep
from homestream.errors import ConfigError
from homestream.wire.session import LIMITS


def test_what_version_0_1_retained_is_taken_over_once(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    before = {"home": {"zigbee2mqtt/plug/availability": (b"online", 1)}}
    (tmp_path / "state" / "retained.bin").write_bytes(msgspec.msgpack.encode(before))
    memory = Memory(tmp_path, LIMITS, 7)
    assert memory.since == 7
    found = memory.done(0)
    kept = found["home"].retained["zigbee2mqtt/plug/availability"]
    assert (kept.payload, kept.qos, kept.retain) == (b"online", 1, True)
    found["home"].retained.keep(kept._replace(payload=b""))
    keep(tmp_path, found, 9)()
    again = Memory(tmp_path, LIMITS, 1)
    assert again.since == 10
    assert not again.done(0)["home"].retained


def test_a_damaged_file_of_version_0_1_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "retained.bin").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"retained\.bin.*delete it"):
        Memory(tmp_path, LIMITS, 1)
