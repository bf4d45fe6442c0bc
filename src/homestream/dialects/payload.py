"""JSON of unknown origin: either a value, or one documented refusal."""

from typing import Any

import msgspec

from homestream.errors import PeerError

_decode = msgspec.json.Decoder().decode


def json_of(payload: bytes) -> Any:
    """Payload -> dict, list, str, int, float, bool or None; `PeerError` for what is not JSON."""
    try:
        return _decode(payload)
    except (ValueError, RecursionError) as error:
        raise PeerError(f"not JSON: {str(error)[:80]}") from None


def object_of(payload: bytes) -> dict[str, Any]:
    """Payload -> a JSON object; `PeerError` for all else."""
    value = json_of(payload)
    if type(value) is not dict:
        raise PeerError("not a JSON object")
    return value


def text_of(payload: bytes) -> str:
    """Payload -> text; `PeerError` where it is no UTF-8 or longer than any value."""
    try:
        return payload[:200].decode()
    except UnicodeDecodeError:
        raise PeerError("not UTF-8 text") from None
