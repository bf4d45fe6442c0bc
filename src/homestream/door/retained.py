"""Retained messages over a restart: `state/retained.bin`, replaced whole whenever they changed."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from homestream.errors import ConfigError
from homestream.wire.exchange import Retained

FILE = Path("state") / "retained.bin"


def load_retained(folder: Path) -> dict[str, Retained]:
    """Home -> topic -> (payload, QoS); empty without a file; a damaged one is a `ConfigError`."""
    try:
        data = (folder / FILE).read_bytes()
        return msgspec.msgpack.decode(data, type=dict[str, dict[str, tuple[bytes, int]]])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{folder / FILE}: {error}; delete it, devices will retain anew") from None


def save_retained(folder: Path, retained: Mapping[str, Retained]) -> None:
    """Replace the file; on disk when it returns, whole or not at all."""
    draft = folder / FILE.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(msgspec.msgpack.encode(retained))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE)
