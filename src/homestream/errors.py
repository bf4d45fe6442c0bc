"""Our mistake and the peer's mistake are different errors.

`HomestreamError` is ours or the operator's: a wrong file, a taken port, a bug. Its text is one line that
says what to do next. `PeerError` is theirs: bytes, a request or a payload that break a protocol. Hostile
input raises `PeerError` and nothing else.
"""


class HomestreamError(Exception):
    """Something the person running Homestream can put right; `str(error)` is one line saying how."""


class ConfigError(HomestreamError):
    """`home.toml`, a rule file or a credential is wrong; names file and line where known."""


class PeerError(Exception):
    """What came from outside breaks a protocol or a format; `str(error)` is the reason, in a few words."""
