"""SenML in CBOR -> the same in JSON (RFC 8428, section 6), as the log and the dialect hold it."""

import base64
import json
import math
from decimal import Decimal
from typing import Any

import cbor2

from homestream.errors import PeerError

LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip

#: A pack is an array of maps of plain values; deeper is an attack.
MAX_DEPTH = 4

#: Larger whole numbers are no reading's, and writing them out in decimal takes long.
MAX_INTEGER = 1 << 64


def to_json(body: bytes) -> bytes:
    """A CBOR pack as JSON; `PeerError` where it is none."""
    try:
        pack = cbor2.loads(body, max_depth=MAX_DEPTH, strict_hashable_types=False)
    except Exception as error:  # cbor2 lets errors of the types it builds through
        raise PeerError(f"body is not CBOR: {type(error).__name__}") from None
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise PeerError("a SenML pack is an array of maps")
    rows = [{_label(key): _value(value) for key, value in record.items()} for record in pack]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def _label(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int) and key in LABELS:
        return LABELS[key]
    raise PeerError("a SenML label is neither text nor a known number")


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise PeerError("a whole number is too large")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise PeerError("a SenML value is a number, text, a boolean or bytes")
