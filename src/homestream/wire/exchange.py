"""Who gets what within one home: its sessions, their subscriptions, its retained messages."""

from collections.abc import Iterable, Mapping

from homestream.wire.reader import Batch
from homestream.wire.session import Session
from homestream.wire.topics import Subscriptions, matches

#: Retained messages of a home and their bytes; beyond either a new topic is not retained.
MAX_RETAINED = 10_000
MAX_RETAINED_BYTES = 32 << 20

#: Sessions remembered of clients that are away; beyond it the one longest away is forgotten.
MAX_AWAY = 200

#: topic -> (payload, QoS)
Retained = dict[str, tuple[bytes, int]]


class Exchange:
    """Routes messages to sessions. Methods that deliver return the sessions that have bytes to send."""

    def __init__(self, retained: Mapping[str, tuple[bytes, int]] | None = None) -> None:
        self.retained: Retained = dict(retained or {})
        self._retained_bytes = sum(len(payload) for payload, _ in self.retained.values())
        self._subscriptions: Subscriptions[Session] = Subscriptions()
        self._away: dict[str, Session] = {}

    def open(self, client_id: str, clean: bool) -> tuple[Session, bool]:
        """The session of a client that connects, and whether it was there; its last connection is closed."""
        session = self._away.pop(client_id, None)
        if session is not None and not clean:
            return session, True
        if session is not None:
            self._forget(session)
        return Session(client_id, clean), False

    def close(self, session: Session) -> None:
        """Its network connection ended."""
        if session.clean:
            self._forget(session)
            return
        self._away[session.client_id] = session
        if len(self._away) > MAX_AWAY:
            self._forget(self._away.pop(next(iter(self._away))))

    def subscribe(self, session: Session, filters: Iterable[tuple[str, int]]) -> None:
        """Begin to route to `session`; the retained messages come at once."""
        for name, qos in filters:
            self._subscriptions.add(name, session, qos)
            if "+" in name or "#" in name:
                topics = [topic for topic in self.retained if matches(name, topic)]
            else:
                topics = [name] if name in self.retained else []
            for topic in topics:
                payload, sent_qos = self.retained[topic]
                session.deliver(topic, payload, min(qos, sent_qos), retain=True)

    def unsubscribe(self, session: Session, filters: Iterable[str]) -> None:
        """Route no more."""
        for name in filters:
            self._subscriptions.remove(name, session)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> list[Session]:
        """Route one message."""
        if retain:
            self._retain(topic, payload, qos)
        found = self._subscriptions.match(topic)
        for session, granted in found:
            session.deliver(topic, payload, min(qos, granted))
        return [session for session, _ in found]

    def route(self, batch: Batch) -> Iterable[Session]:
        """Route a batch. The hot path: most homes have no subscriber for most topics."""
        if not len(self._subscriptions) and not any(head & 1 for head in set(batch.heads)):
            return ()
        reached: set[Session] = set()
        match = self._subscriptions.match
        for topic, payload, head in zip(batch.topics, batch.payloads, batch.heads, strict=True):
            if head & 1:
                self._retain(topic, payload, head >> 1 & 3)
            for session, granted in match(topic):
                session.deliver(topic, payload, min(head >> 1 & 3, granted))
                reached.add(session)
        return reached

    def _retain(self, topic: str, payload: bytes, qos: int) -> None:
        old = self.retained.pop(topic, None)
        if old is not None:
            self._retained_bytes -= len(old[0])
        if not payload or len(self.retained) >= MAX_RETAINED:
            return
        if self._retained_bytes + len(payload) <= MAX_RETAINED_BYTES:
            self.retained[topic] = payload, qos
            self._retained_bytes += len(payload)

    def _forget(self, session: Session) -> None:
        self.unsubscribe(session, session.subscriptions)
