"""What the MQTT door remembers over a restart: `state/sessions.bin`, and the log after it.

See docs/decisions/mqtt-sessions.md.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from homestream.errors import ConfigError
from homestream.lake.disk import replace
from homestream.reading import Entry
from homestream.wire.exchange import Exchange
from homestream.wire.message import Message
from homestream.wire.session import Limits
from homestream.wire.state import Replay, StateError, freeze, thaw

FILE = Path("state") / "sessions.bin"

#: What version 0.1 kept instead: home -> topic -> (payload, QoS) of what is retained.
BEFORE = Path("state") / "retained.bin"


class Memory:
    """The exchanges of a folder's homes, while they are brought up to the end of the log."""

    def __init__(self, folder: Path, limits: Limits, since: int) -> None:
        """Read the file; where there is none, remember from entry `since` on. `ConfigError` if damaged."""
        self.exchanges: dict[str, Exchange] = {}
        #: the seq from which on `read` wants entries
        self.since = since

        def make() -> Exchange:
            return Exchange(limits)

        try:
            self.exchanges, seq = thaw((folder / FILE).read_bytes(), make)
            self.since = seq + 1
        except FileNotFoundError:
            self.exchanges = _before(folder, make)
        except StateError as error:
            raise ConfigError(f"{folder / FILE}: {error}; delete it, clients will subscribe anew") from None
        self._replay = Replay(self.exchanges, make)

    def read(self, entries: Iterable[Entry]) -> None:
        """Take what the log holds, in order; what is older than `since` is left out."""
        self._replay.entries(entry for entry in entries if entry.seq >= self.since)

    def done(self, now: int) -> dict[str, Exchange]:
        """The log is read, it is now `now` (ms since 1970)."""
        self._replay.done(now)
        return self.exchanges


def _before(folder: Path, make: Callable[[], Exchange]) -> dict[str, Exchange]:
    """What a folder of version 0.1 retains; nothing of a new one."""
    try:
        homes = msgspec.msgpack.decode(
            (folder / BEFORE).read_bytes(), type=dict[str, dict[str, tuple[bytes, int]]]
        )
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{folder / BEFORE}: {error}; delete it, devices will retain anew") from None
    exchanges = {name: make() for name in homes}
    for name, topics in homes.items():
        for topic, (payload, qos) in topics.items():
            exchanges[name].retained.keep(Message(topic, payload, qos, retain=True))
    return exchanges


def keep(folder: Path, exchanges: dict[str, Exchange], seq: int) -> Callable[[], None]:
    """What to do to keep the state as it is now, `seq` being the last entry it has seen; blocking."""
    encode = freeze(exchanges, seq)
    return lambda: replace(folder / FILE, encode())
