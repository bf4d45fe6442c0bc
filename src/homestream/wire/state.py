"""The state of a home's exchange as bytes, and how it goes on from there by what the log holds after it."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from homestream.reading import Entry, Kind
from homestream.wire import journal
from homestream.wire.delivery import Delivery
from homestream.wire.exchange import Away, Exchange
from homestream.wire.journal import LastWill, Routed
from homestream.wire.message import Message, message
from homestream.wire.properties import NONE
from homestream.wire.subscriptions import Options

#: Of the layout below; bytes of another are refused.
VERSION = 1

#: How a message was published of which the log says nothing more: QoS 1, not retained.
PLAIN = 0x32


class StateError(Exception):
    """The bytes are no state of this program; `str(error)` is why."""


class _Session(msgspec.Struct, array_like=True):
    client: str
    owner: str
    expiry: int
    filters: dict[str, Options]
    received: list[bytes]
    waiting: list[Delivery]
    released: list[int]
    numbers: list[int]
    away: Away | None
    will: LastWill | None


class _Home(msgspec.Struct, array_like=True):
    retained: list[Message]
    sessions: list[_Session]


class _State(msgspec.Struct, array_like=True):
    version: int
    seq: int
    homes: dict[str, _Home]


#: `properties.NONE` is a mapping, but no dict.
_encoder = msgspec.msgpack.Encoder(enc_hook=dict)


def freeze(exchanges: Mapping[str, Exchange], seq: int) -> Callable[[], bytes]:
    """All that outlives a restart, as of `seq` in the log; the encoding may be done later, in a thread."""
    homes = {name: _freeze(exchange) for name, exchange in exchanges.items()}
    state = _State(VERSION, seq, homes)
    return lambda: _encoder.encode(state)


def _freeze(exchange: Exchange) -> _Home:
    sessions = [
        _Session(
            client,
            one.owner,
            one.expiry,
            dict(one.subscriptions),
            list(one.received),
            one.waiting(),
            one.released,
            one.numbers,
            exchange.away.get(client),
            exchange.wills.get(client),
        )
        for client, one in exchange.sessions.items()
        if one.expiry
    ]
    return _Home(list(exchange.retained.values()), sessions)


def thaw(data: bytes, make: Callable[[], Exchange]) -> tuple[dict[str, Exchange], int]:
    """The inverse: home -> exchange, to be gone on with by `replay`, and the seq; `StateError`."""
    try:
        state = msgspec.msgpack.decode(data, type=_State)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateError(str(error)) from None
    if state.version != VERSION:
        raise StateError(f"version {state.version}, this program reads {VERSION}")
    exchanges = {}
    for name, home in state.homes.items():
        exchange = exchanges[name] = make()
        for one in home.retained:
            exchange.retained.keep(one)
        for saved in home.sessions:
            session = exchange.restore(saved.client, saved.expiry, saved.filters, saved.away, saved.will)
            session.owner = saved.owner
            session.received.update(saved.received)
            session.restore(saved.waiting, saved.released, saved.numbers)
    return exchanges, state.seq


class Replay:
    """Brings exchanges up to the end of the log."""

    def __init__(self, exchanges: dict[str, Exchange], make: Callable[[], Exchange]) -> None:
        """`exchanges` are changed in place, and made by `make` for homes first heard of."""
        self._exchanges = exchanges
        self._make = make
        #: home -> seq of the first message that it speaks of, and the record
        self._routed: dict[str, tuple[int, Routed]] = {}
        for exchange in exchanges.values():
            exchange.replay()

    def entries(self, entries: Iterable[Entry]) -> None:
        """Take entries, in order of seq."""
        for entry in entries:
            if entry.kind == Kind.SESSION:
                self._record(entry)
            elif entry.kind == Kind.MESSAGE and entry.source.startswith("mqtt:"):
                self._message(entry)
            elif entry.kind in (Kind.MESSAGE, Kind.RETAINED) and entry.source.startswith("bridge:"):
                self._exchange(entry.home).bridged(entry)

    def done(self, now: int) -> None:
        """That was all; `now` in ms since 1970."""
        for exchange in self._exchanges.values():
            exchange.settle(now)

    def _exchange(self, home: str) -> Exchange:
        if home not in self._exchanges:
            exchange = self._exchanges[home] = self._make()
            exchange.replay()
        return self._exchanges[home]

    def _record(self, entry: Entry) -> None:
        record = journal.decode(entry.payload)
        exchange = self._exchange(entry.home)
        if isinstance(record, Routed):
            self._routed[entry.home] = entry.seq + 1, record
            if (session := exchange.sessions.get(record.client)) is not None:
                session.received.update(record.received)
        else:
            exchange.apply(record, entry.arrived)

    def _message(self, entry: Entry) -> None:
        first, routed = self._routed.get(entry.home, (0, None))
        exchange = self._exchange(entry.home)
        head, properties, publisher = PLAIN, NONE, None
        if routed is not None and entry.seq < first + routed.count:
            head, properties = routed.rows.get(entry.seq - first, (routed.head, NONE))
            publisher = exchange.sessions.get(routed.client)
        one = message(entry.topic, entry.payload, head, properties, entry.arrived, entry.seq)
        exchange.publish(one, entry.arrived, publisher)
