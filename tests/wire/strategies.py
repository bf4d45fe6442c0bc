"""Any packet that a client or a server may send, at either level, for Hypothesis."""

from typing import Any

from hypothesis import strategies as st

from homestream.wire import reasons
from homestream.wire.packets import (
    PUBACK,
    PUBREC,
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Filter,
    Packet,
    Ping,
    Pong,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from homestream.wire.properties import NONE, Properties

strings = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
names = st.text(
    st.characters(exclude_characters="+#", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60
).filter(lambda name: not name.startswith("$share"))
filters = st.one_of(names, st.sampled_from(["#", "+", "home/+/#", "/", "+/+"]))
ids = st.integers(1, 65_535)
blobs = st.binary(max_size=60)

_two = st.integers(0, 65_535)
_four = st.integers(0, 2**32 - 1)
_bit = st.integers(0, 1)
_number = st.integers(1, 268_435_455)

#: Values of every property, but those that depend on another.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "payload_format_indicator": _bit,
    "message_expiry_interval": _four,
    "content_type": strings,
    "response_topic": names,
    "correlation_data": blobs,
    "subscription_identifier": _number,
    "session_expiry_interval": _four,
    "assigned_client_identifier": strings,
    "server_keep_alive": _two,
    "authentication_method": strings,
    "request_problem_information": _bit,
    "will_delay_interval": _four,
    "request_response_information": _bit,
    "response_information": strings,
    "server_reference": strings,
    "reason_string": strings,
    "receive_maximum": ids,
    "topic_alias_maximum": _two,
    "maximum_qos": _bit,
    "retain_available": _bit,
    "user_property": st.lists(st.tuples(strings, strings), min_size=1, max_size=3),
    "maximum_packet_size": st.integers(1, 2**32 - 1),
    "wildcard_subscription_available": _bit,
    "subscription_identifier_available": _bit,
    "shared_subscription_available": _bit,
}
MESSAGE = (
    "payload_format_indicator message_expiry_interval content_type response_topic correlation_data "
    "user_property"
)
CONNACK_ONLY = (
    "session_expiry_interval assigned_client_identifier server_keep_alive authentication_method "
    "response_information server_reference reason_string receive_maximum topic_alias_maximum maximum_qos "
    "retain_available user_property maximum_packet_size wildcard_subscription_available "
    "subscription_identifier_available shared_subscription_available"
)
CONNECT_ONLY = (
    "session_expiry_interval authentication_method request_problem_information request_response_information "
    "receive_maximum topic_alias_maximum user_property maximum_packet_size"
)


def some(text: str, level: int = 5) -> st.SearchStrategy[Properties]:
    """Some of the properties named in `text`; none below level 5."""
    chosen = {name: VALUES[name] for name in text.split()}
    return st.fixed_dictionaries({}, optional=chosen) if level == 5 else st.just(NONE)


def wills(level: int) -> st.SearchStrategy[Will]:
    described = some(f"{MESSAGE} will_delay_interval", level)
    return st.tuples(names, blobs, st.integers(0, 2), st.booleans(), described).map(lambda one: Will(*one))


@st.composite
def connects(draw: st.DrawFn, levels: tuple[int, ...] = (3, 4, 5)) -> Connect:
    level = draw(st.sampled_from(levels))
    user = draw(st.none() | strings)
    password = draw(st.none() | blobs) if user is not None or level == 5 else None
    return Connect(
        draw(strings),
        draw(st.booleans()),
        draw(_two),
        level,
        draw(st.none() | wills(level)),
        user,
        password,
        draw(some(CONNECT_ONLY, level)),
    )


def _codes(allowed: frozenset[int], level: int) -> st.SearchStrategy[int]:
    return st.sampled_from(sorted(allowed)) if level == 5 else st.just(0)


@st.composite
def acks(draw: st.DrawFn, level: int) -> Ack:
    kind = draw(st.integers(4, 7))
    allowed = reasons.IN_PUBACK if kind in (PUBACK, PUBREC) else reasons.IN_PUBREL
    return Ack(
        kind, draw(ids), draw(_codes(allowed, level)), draw(some("reason_string user_property", level))
    )


@st.composite
def subscribes(draw: st.DrawFn, level: int) -> Subscribe:
    flag = st.booleans() if level == 5 else st.just(False)
    handling = st.integers(0, 2 if level == 5 else 0)
    one = st.tuples(filters, st.integers(0, 2), flag, flag, handling).map(lambda row: Filter(*row))
    wanted = tuple(draw(st.lists(one, min_size=1, max_size=4)))
    return Subscribe(draw(ids), wanted, draw(some("subscription_identifier user_property", level)))


@st.composite
def unsubscribes(draw: st.DrawFn, level: int) -> Unsubscribe:
    wanted = tuple(draw(st.lists(filters, min_size=1, max_size=4)))
    return Unsubscribe(draw(ids), wanted, draw(some("user_property", level)))


@st.composite
def answers(draw: st.DrawFn, level: int) -> Connack | Suback | Unsuback:
    said = draw(some("reason_string user_property", level))
    match draw(st.integers(0, 2)):
        case 0:
            code = draw(_codes(reasons.IN_CONNACK, level) if level == 5 else st.integers(0, 5))
            present = draw(st.booleans()) if not code else False
            return Connack(code, present, draw(some(CONNACK_ONLY, level)))
        case 1:
            granted = reasons.IN_SUBACK if level == 5 else reasons.IN_OLD_SUBACK
            codes = draw(st.lists(st.sampled_from(sorted(granted)), min_size=1, max_size=4))
            return Suback(draw(ids), tuple(codes), said)
    if level < 5:
        return Unsuback(draw(ids))
    undone = draw(st.lists(st.sampled_from(sorted(reasons.IN_UNSUBACK)), min_size=1, max_size=4))
    return Unsuback(draw(ids), tuple(undone), said)


@st.composite
def farewells(draw: st.DrawFn, server: bool) -> Disconnect | Auth:
    """DISCONNECT or AUTH of level 5; `server` says who reads."""
    if draw(st.booleans()):
        allowed = reasons.IN_CLIENT_DISCONNECT if server else reasons.IN_SERVER_DISCONNECT
        said = draw(some("session_expiry_interval reason_string user_property server_reference"))
        return Disconnect(draw(st.sampled_from(sorted(allowed))), said)
    allowed = reasons.IN_CLIENT_AUTH if server else reasons.IN_SERVER_AUTH
    said = draw(some("authentication_method reason_string user_property"))
    return Auth(draw(st.sampled_from(sorted(allowed))), said)


def from_client(level: int) -> st.SearchStrategy[Packet]:
    """Every packet a client may send, but CONNECT and PUBLISH."""
    bye = farewells(True) if level == 5 else st.just(Disconnect())
    return st.one_of(acks(level), subscribes(level), unsubscribes(level), st.just(Ping()), bye)


def from_server(level: int) -> st.SearchStrategy[Packet]:
    """Every packet a server may send, but PUBLISH."""
    plain = st.one_of(acks(level), answers(level), st.just(Pong()))
    return st.one_of(plain, farewells(False)) if level == 5 else plain


def properties_of_messages() -> st.SearchStrategy[Properties]:
    """What a PUBLISH of a client may carry, without a topic alias."""
    return some(MESSAGE)
