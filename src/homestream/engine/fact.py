"""What the engine concludes: facts. Frozen, ordered fields, byte-stable when encoded.

A fact's encoding (`encode`) enters the home's digest; two runs agree when their digests do. Times are
event-time milliseconds on the home's clock. `None` stands for unknown, never NaN.
"""

import hashlib

import msgspec


class Fact(msgspec.Struct, frozen=True, tag_field="fact", kw_only=True):
    """Base of all facts."""

    home: str
    time: int


class Evidence(msgspec.Struct, frozen=True):
    """A reading that opened an alert."""

    device: str
    metric: str
    time: int
    value: float | None


class Window(Fact, frozen=True, tag="window", kw_only=True):
    """A closed window of one series; a higher revision corrects a lower one.

    `size` is 1m, 1h or 1d; `start` its beginning (UTC ms; hours and days aligned to local time); `twmean`
    the time-weighted mean (None where nothing is known); `known` how many ms of it are known; `energy` the
    Wh of a power series or of an energy counter in it, None for other metrics or where unknown.
    """

    device: str
    metric: str
    size: str
    start: int
    count: int
    min: float | None
    max: float | None
    sum: float
    mean: float | None
    twmean: float | None
    last: float | None
    known: int
    energy: float | None = None
    revision: int = 0


class Unplaced(Fact, frozen=True, tag="unplaced", kw_only=True):
    """Energy that a counter gained over a silence, in Wh: known in all, not when, and so in no window.

    It was used from `start` to `end`; a higher revision corrects a lower one, 0 Wh takes it back.
    """

    device: str
    metric: str
    start: int
    end: int
    energy: float
    revision: int = 0


class Alert(Fact, frozen=True, tag="alert", kw_only=True):
    """A change in an alert's life: `state` is opened, acknowledged or cleared.

    `id` is made from rule, key and opening time, so a replay makes the same. `key` is the device it binds.
    `late` says a late reading caused it: recorded, but no effect follows. `flapping` says it opened and
    cleared too often: it stays open, and tells nothing more, until it is steady.
    """

    id: str
    rule: str
    key: str
    severity: str
    state: str
    text: str
    opened: int
    evidence: tuple[Evidence, ...] = ()
    by: str = ""
    late: bool = False
    flapping: bool = False


class Security(Fact, frozen=True, tag="security", kw_only=True):
    """An entry of the security log; `hash` covers the entry and `previous`, so that none can be altered.

    `kind`: opened, closed, motion, opened_unexpectedly, motion_nobody_home, motion_armed, expected, armed,
    disarmed, bypassed, wrong_code, tamper, offline, online, smoke, moisture.
    """

    kind: str
    device: str
    room: str
    severity: str
    text: str
    by: str = ""
    late: bool = False
    previous: str = ""
    hash: str = ""


class Blind(Fact, frozen=True, tag="blind", kw_only=True):
    """A blind interval of one series: opened when `end` is None, else closed; `time` is when we knew."""

    device: str
    metric: str
    start: int
    end: int | None
    before: float | None
    after: float | None
    why: str


class Outage(Fact, frozen=True, tag="outage", kw_only=True):
    """A device fell silent beyond its expected interval (`state` silent) or came back (`state` back)."""

    device: str
    state: str
    since: int


class Anomaly(Fact, frozen=True, tag="anomaly", kw_only=True):
    """A value that cannot be or that is unusual; `kind` range, spike, stuck or drift; `text` says so."""

    device: str
    metric: str
    kind: str
    value: float
    low: float
    high: float
    text: str


class Delay(Fact, frozen=True, tag="delay", kw_only=True):
    """Time to leave (`kind` exit) or to disarm (entry), up to `until`; over where `until` is `time`."""

    kind: str
    until: int


class Mode(Fact, frozen=True, tag="mode", kw_only=True):
    """The home was set to disarmed, home, night or away."""

    mode: str
    by: str


class Occupancy(Fact, frozen=True, tag="occupancy", kw_only=True):
    """Somebody is home (True), nobody is (False), or it is not known (None); `confidence` 0 to 1."""

    occupied: bool | None
    confidence: float
    why: str


class Command(Fact, frozen=True, tag="command", kw_only=True):
    """A change in a command's life: pending, confirmed, failed or expired.

    `value` is in the metric's canonical unit; the device's own reading of that metric confirms it. `group`
    is the group it was asked of, if it was.
    """

    id: str
    device: str
    metric: str
    value: float
    state: str
    by: str
    expires: int
    requested: int
    group: str = ""


class Group(Fact, frozen=True, tag="group", kw_only=True):
    """What became of a command to a group: the devices that obeyed and those that did not, in its order."""

    id: str
    group: str
    metric: str
    value: float
    by: str
    obeyed: tuple[str, ...]
    failed: tuple[str, ...]
    text: str


class Notify(Fact, frozen=True, tag="notify", kw_only=True):
    """A notification owed because of a fact; suppressed when the fact is older than `act_within` ms.

    `after` is when the quiet hours end that it waits for, 0 where it does not wait.
    """

    id: str
    target: str
    title: str
    text: str
    severity: str
    act_within: int
    suppressed: bool = False
    after: int = 0


class Webhook(Fact, frozen=True, tag="webhook", kw_only=True):
    """A post owed to the URL that `home.toml` calls `hook`, because of an alert; else as `Notify`."""

    id: str
    hook: str
    alert: str
    rule: str
    key: str
    severity: str
    text: str
    evidence: tuple[Evidence, ...]
    act_within: int
    suppressed: bool = False


class DeviceSeen(Fact, frozen=True, tag="device", kw_only=True):
    """The registry learned of a device, or learned more of one."""

    device: str
    room: str
    name: str
    dialect: str
    metrics: tuple[str, ...]
    commands: tuple[str, ...]


AnyFact = (
    Window
    | Alert
    | Security
    | Blind
    | Outage
    | Anomaly
    | Delay
    | Mode
    | Occupancy
    | Command
    | Group
    | Notify
    | Webhook
    | DeviceSeen
    | Unplaced
)

_encoder = msgspec.json.Encoder()
encode = _encoder.encode
decode = msgspec.json.Decoder(AnyFact).decode


def chain(digest: bytes, fact: AnyFact) -> bytes:
    """The home's digest after `fact`: SHA-256 over the digest before it and the fact's encoding."""
    return hashlib.sha256(digest + encode(fact)).digest()
