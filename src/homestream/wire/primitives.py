"""What MQTT packets are made of: strings, binary, variable byte integers (5.0 section 1.5); the one error.

Each reader takes bytes and a position and returns the value and the position after it; where the bytes end
before the value, it raises `IndexError` or `MalformedPacket`.
"""

from homestream.errors import PeerError
from homestream.wire.reasons import Reason

#: Four bytes carry seven bits each.
MAX_VARINT = 268_435_455


class MalformedPacket(PeerError):
    """The bytes break MQTT; the connection they came on has to be closed, in 5.0 saying `code`."""

    def __init__(self, reason: str, code: int = Reason.MALFORMED_PACKET) -> None:
        super().__init__(reason)
        self.code = code


def text(raw: bytes) -> str:
    """An MQTT string: UTF-8 without U+0000 (section 1.5.3, in 5.0 section 1.5.4).

    Of the other control characters and the non-characters both standards say that a receiver MAY refuse them:
    `topics` does so for control characters, which serve only to forge log lines; all else is taken as it is.
    """
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("string is not UTF-8") from None
    if "\0" in decoded:
        raise MalformedPacket("string with a NUL")
    return decoded


def string(body: bytes, pos: int) -> tuple[str, int]:
    """Two bytes of length, then UTF-8."""
    raw, end = binary(body, pos)
    return text(raw), end


def binary(body: bytes, pos: int) -> tuple[bytes, int]:
    """Two bytes of length, then as many."""
    end = pos + 2 + (body[pos] << 8 | body[pos + 1])
    if end > len(body):
        raise MalformedPacket("packet ends too early")
    return body[pos + 2 : end], end


def varint(body: bytes, pos: int) -> tuple[int, int]:
    """One to four bytes, the lowest seven bits first, and no more bytes than needed [MQTT-1.5.5-1]."""
    value = 0
    for n in range(4):
        byte = body[pos + n]
        value |= (byte & 127) << 7 * n
        if byte < 128:
            if n and not byte:
                raise MalformedPacket("number with bytes too many")
            return value, pos + n + 1
    raise MalformedPacket("number has more than four bytes")


def sized(raw: bytes) -> bytes:
    """The inverse of `binary`; of `string` for UTF-8."""
    return len(raw).to_bytes(2) + raw


def encode_varint(value: int) -> bytes:
    """The inverse of `varint`."""
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    digits.append(value)
    return bytes(digits)
