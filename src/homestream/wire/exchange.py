"""Who gets what within one home: its sessions, their subscriptions, its retained messages.

All that must outlive a restart changes here, by `apply` for a record of the log and by `stored` or `publish`
for a message of it; so what a home does live and what it does when it reads its log again is one thing.

A message that a client publishes goes two ways:

```
            sessions that end with their connection
           ^                                    ^
  arrived -|            commit                  |- stored -> sessions that last, groups, retained
           '-- QoS 2, and all behind it --------'
```

What is passed on at once does not wait for the disk; what is to outlive a crash does. Since nothing overtakes
what is held, nor a record on its way, each subscriber gets its messages in the order of the log.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from homestream.reading import Entry, Kind
from homestream.wire.delivery import Delivery
from homestream.wire.journal import (
    AnyRecord,
    Ended,
    Got,
    LastWill,
    Left,
    Opened,
    Released,
    Subscribed,
    Unsubscribed,
    Willed,
)
from homestream.wire.message import Message, message
from homestream.wire.properties import NONE
from homestream.wire.reader import PUBREC_HEAD, RETAINING, Batch
from homestream.wire.reasons import Reason
from homestream.wire.retained import Promised, Retained
from homestream.wire.session import LIMITS, Limits, Session
from homestream.wire.subscriptions import Group, Matched, Options, Subscriptions, split, well_shared

#: Sessions remembered of clients that are away; beyond it the one longest away is over.
MAX_AWAY = 200

#: A session that expires so is over only when its client says so (MQTT 5.0, section 3.1.2.11.2). Seconds.
NEVER = 0xFFFF_FFFF

#: After a restart of ours, a client that was there has this long to come back before its last will speaks:
#: the blind moment was ours. Seconds.
RETURN = 60


class Away(NamedTuple):
    """A client that is not there: since when, ms since 1970, and its last will, if that is still due."""

    since: int
    expiry: int
    will: LastWill | None

    def over(self, now: int) -> bool:
        """Whether its session has expired."""
        return self.expiry != NEVER and now >= self.since + self.expiry * 1000

    def due(self, now: int) -> bool:
        """Whether its will is to be published: its delay has passed, or its session is over."""
        return self.will is not None and (now >= self.since + self.will.delay * 1000 or self.over(now))


class Exchange:
    """Routes messages to sessions. Methods that deliver return the sessions that have bytes to send."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.retained = Retained()
        self.sessions: dict[str, Session] = {}
        #: client id -> those of `sessions` that outlive a connection and whose client is away
        self.away: dict[str, Away] = {}
        #: last wills of those that are there, as far as the log holds them
        self.wills: dict[str, LastWill] = {}
        #: what we publish of ourselves, retained but in no log
        self.system = Retained()
        self._limits = limits
        #: filters of sessions that end with their connection; of all others, and of groups
        self._prompt: Subscriptions[Session] = Subscriptions()
        self._lasting: Subscriptions[Session] = Subscriptions()
        #: batches and records on their way to the disk that take effect only there; what comes after waits
        self._held = 0
        self._promised = Promised()
        #: shared filter -> what no member has: only while the log is read again
        self._unassigned: dict[str, list[Message]] | None = None

    # Records of the log.

    def wait(self) -> None:
        """A record is on its way to the disk; what arrives meanwhile must not overtake it. `went` follows."""
        self._held += 1

    def went(self) -> None:
        """A record is on disk, or could not be written."""
        self._held -= 1

    def apply(self, record: AnyRecord, now: int) -> list[int]:
        """Do what a record says, at `now`; the reason codes of a subscription or its end, else nothing."""
        match record:
            case Opened():
                self._open(record)
            case Left(client, expiry, will):
                self._leave(client, now, expiry, will)
            case Willed(client):
                if client in self.away:
                    self.away[client] = self.away[client]._replace(will=None)
            case Ended(client):
                self._end(client, now)
            case Subscribed(client, filters):
                if (session := self.sessions.get(client)) is not None:
                    return [self._subscribe(session, *one, now) for one in filters]
            case Unsubscribed(client, names):
                if (session := self.sessions.get(client)) is not None:
                    return [self._unsubscribe(session, name, now) for name in names]
            case Released(client, packet_id):
                if (session := self.sessions.get(client)) is not None:
                    session.received.discard(packet_id)
            case Got():
                self._got(record)
        return []

    def over(self, now: int) -> list[str]:
        """Client ids whose sessions are to end: expired, or too many are away."""
        found = [client for client, away in self.away.items() if away.over(now)]
        excess = len(self.away) - len(found) - MAX_AWAY
        if excess > 0:
            longest = sorted(self.away.keys() - set(found), key=lambda client: self.away[client].since)
            found += longest[:excess]
        return found

    def due(self, now: int) -> list[tuple[str, LastWill]]:
        """Clients whose last will is to be published now."""
        return [(client, away.will) for client, away in self.away.items() if away.will and away.due(now)]

    def _open(self, record: Opened) -> None:
        client, expiry = record.client, record.expiry
        session = self.sessions.get(client)
        if session is not None and (record.fresh or not session.lasting):
            self._end(client, 0)
            session = None
        resumed = session is not None
        if session is None:
            session = self.sessions[client] = Session(client, expiry, self._limits)
        session.expiry, session.resumed, session.replayed = expiry, resumed, self.replaying
        session.owner = record.owner
        self.away.pop(client, None)
        self.wills.pop(client, None)
        if record.will is not None and expiry:
            self.wills[client] = record.will

    def _leave(self, client: str, now: int, expiry: int, will: LastWill | None) -> None:
        session = self.sessions.get(client)
        if session is None:
            return
        session.disconnect()
        self.wills.pop(client, None)
        session.expiry = expiry
        if expiry:
            self.away[client] = Away(now, expiry, will)
        else:
            self._end(client, now)

    def _end(self, client: str, now: int) -> None:
        session = self.sessions.pop(client, None)
        self.away.pop(client, None)
        self.wills.pop(client, None)
        if session is None:
            return
        for name in session.subscriptions:
            self._table(session, name).remove(name, session)
        self._share_again(session.unshared(), now)

    def _subscribe(self, session: Session, name: str, options: Options, now: int) -> int:
        new = name not in session.subscriptions
        if not well_shared(name):
            return Reason.TOPIC_FILTER_INVALID
        if new and len(session.subscriptions) >= self._limits.subscriptions:
            return Reason.QUOTA_EXCEEDED
        session.subscriptions[name] = options
        self._table(session, name).add(name, session, options)
        if options.retain_handling == 0 or (options.retain_handling == 1 and new):
            identifiers = (options.identifier,) if options.identifier else ()
            for one in self._retained_for(session, name, now):
                qos = min(one.qos, options.qos)
                session.deliver(one, qos, now, retain=True, identifiers=identifiers)
        return options.qos

    def _retained_for(self, session: Session, name: str, now: int) -> Iterator[Message]:
        """What a new subscriber finds retained; one who is passed messages, also what was passed on."""
        stored = (*self.retained.covered(name, now), *self.system.covered(name, now))
        return iter(stored) if session.lasting else self._promised.over(stored, name, now)

    def _table(self, session: Session, name: str) -> Subscriptions[Session]:
        """Where a filter is. What groups share is work to be done, so it waits for the disk."""
        return self._lasting if session.lasting or split(name)[0] else self._prompt

    def _unsubscribe(self, session: Session, name: str, now: int) -> int:
        if session.subscriptions.pop(name, None) is None:
            return Reason.NO_SUBSCRIPTION_EXISTED
        self._table(session, name).remove(name, session)
        if split(name)[0]:
            self._share_again(session.withdraw(name), now)
        return Reason.SUCCESS

    # Messages.

    def arrived(self, batch: Batch, now: int, publisher: Session | None = None) -> Collection[Session]:
        """A batch is on its way to the disk: pass it on, unless it is held. `stored` or `lost` is to follow,
        of all batches in the same order. The hot path: most topics have no subscriber."""
        if self._held or batch.ack is PUBREC_HEAD:
            batch.held = True
            self._held += 1
            return ()
        if not len(self._prompt) and RETAINING.isdisjoint(batch.heads):
            return ()
        return self._route(self._prompt, batch, now, 0, publisher, self._promised.add)

    def stored(
        self, batch: Batch, now: int, seq: int = 0, publisher: Session | None = None
    ) -> Collection[Session]:
        """A batch is on disk, its first message being `seq`: send it to all who have not got it yet."""
        reached: set[Session] = set()
        if batch.held:
            self._held -= 1
            reached |= self._route(self._prompt, batch, now, 0, publisher)
        if len(self._lasting) or not RETAINING.isdisjoint(batch.heads):
            if not batch.held:
                self._promised.settle(batch)
            reached |= self._route(self._lasting, batch, now, seq, publisher, self.retained.keep)
        return reached

    def lost(self, batch: Batch, now: int, publisher: Session | None = None) -> Collection[Session]:
        """A batch could not be stored. What only waited for its turn is passed on now; QoS 2 comes again."""
        if not batch.held:
            self._promised.settle(batch)
            return ()
        self._held -= 1
        return () if batch.ack is PUBREC_HEAD else self._route(self._prompt, batch, now, 0, publisher)

    def publish(self, message: Message, now: int, publisher: Session | None = None) -> list[Session]:
        """Route one message that does not wait: of ours, or of the log."""
        if message.retain:
            self.retained.keep(message)
        return self._send_all(message, now, publisher)

    def bridged(self, entry: Entry) -> list[Session]:
        """Route what a bridge brought, as QoS 1: it is in the log.

        A broker says "retained" only to who subscribes anew, and says it again after each reconnect. So what
        we know is left out, and a topic that is retained stays so with what comes later.
        """
        known, kept = self.retained.get(entry.topic), entry.kind is Kind.RETAINED
        if kept and known is not None and known.payload == entry.payload:
            return []
        retain = kept or known is not None
        return self.publish(Message(entry.topic, entry.payload, 1, retain, seq=entry.seq), entry.arrived)

    def announce(self, message: Message, now: int) -> list[Session]:
        """Publish what we say of ourselves: retained, but apart from what devices retain."""
        self.system.keep(message)
        return self._send_all(message, now)

    def _send_all(self, message: Message, now: int, publisher: Session | None = None) -> list[Session]:
        prompt, lasting = self._prompt.match(message.topic), self._lasting.match(message.topic)
        return self._send(prompt, message, now, publisher) + self._send(lasting, message, now, publisher)

    def _route(
        self,
        subscriptions: Subscriptions[Session],
        batch: Batch,
        now: int,
        seq: int,
        publisher: Session | None,
        retain: Callable[[Message], None] | None = None,
    ) -> set[Session]:
        reached: set[Session] = set()
        properties = batch.properties
        for n, (topic, payload, head) in enumerate(
            zip(batch.topics, batch.payloads, batch.heads, strict=True)
        ):
            matched = subscriptions.match(topic)
            if head & 1 or matched.targets or matched.groups:
                one = message(topic, payload, head, properties.get(n, NONE), now, seq + n if seq else 0)
                if head & 1 and retain is not None:
                    retain(one)
                reached.update(self._send(matched, one, now, publisher))
        return reached

    def _send(
        self, matched: Matched[Session], message: Message, now: int, publisher: Session | None
    ) -> list[Session]:
        reached = []
        for session, wish, own in matched.targets:
            wanted = own if session is publisher else wish
            if wanted is not None:
                qos = message.qos if message.qos < wanted.qos else wanted.qos
                retain = message.retain and wanted.retain_as_published
                session.deliver(message, qos, now, retain=retain, identifiers=wanted.identifiers)
                reached.append(session)
        for group in matched.groups:
            if self._unassigned is None:
                reached.append(self._share(message, group, now))
            else:
                self._unassigned.setdefault(group.name, []).append(message)
        return reached

    def _share(self, message: Message, group: Group[Session], now: int) -> Session:
        session, wish = group.turn(lambda one: one.ready)
        session.deliver(
            message,
            min(message.qos, wish.qos),
            now,
            retain=message.retain and wish.retain_as_published,
            identifiers=wish.identifiers,
            group=group.name,
        )
        return session

    def _share_again(self, deliveries: Iterable[Delivery], now: int) -> None:
        for delivery in deliveries:
            if (group := self._lasting.group(delivery.group)) is not None:
                self._share(delivery.message, group, now)

    # Reading the log again.

    @property
    def replaying(self) -> bool:
        """Whether the log is being read again, after a start."""
        return self._unassigned is not None

    def restore(
        self,
        client: str,
        expiry: int,
        filters: Mapping[str, Options],
        away: Away | None,
        will: LastWill | None,
    ) -> Session:
        """Put back a session as it was kept."""
        session = self.sessions[client] = Session(client, expiry, self._limits)
        session.subscriptions.update(filters)
        for name, options in filters.items():
            self._table(session, name).add(name, session, options)
        session.replayed = away is None
        if away is not None:
            self.away[client] = away
        if will is not None:
            self.wills[client] = will
        return session

    def replay(self) -> None:
        """From here on records and messages come from before a restart, until `settle`."""
        self._unassigned = {}

    def settle(self, now: int) -> None:
        """All is read. Whoever was there is away from now on."""
        unassigned, self._unassigned = self._unassigned or {}, None
        for name, messages in unassigned.items():
            if (group := self._lasting.group(name)) is not None:
                for one in messages:
                    self._share(one, group, now)
        for client, session in self.sessions.items():
            session.disconnect()
            if client not in self.away:
                will = self.wills.pop(client, None)
                if will is not None:
                    will = msgspec.structs.replace(will, delay=max(will.delay, RETURN))
                self.away[client] = Away(now, session.expiry, will)

    def _got(self, record: Got) -> None:
        for name, seqs in record.seqs.items():
            gone = set(seqs)
            if not name and record.client in self.sessions:
                self.sessions[record.client].forget(gone)
                continue
            for session in self.sessions.values():
                if name in session.subscriptions:
                    session.forget(gone, name)
            if self._unassigned and name in self._unassigned:
                rest = [one for one in self._unassigned[name] if one.seq not in gone]
                self._unassigned[name] = rest
        if record.client in self.sessions:
            self.sessions[record.client].holds(record.holds)
