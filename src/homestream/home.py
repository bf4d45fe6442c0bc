"""What a home is: its rooms, devices, people, tariff, security and rules.

One frozen `HomeConfig`, read by `homefile.load`; nothing here is running state. The part the engine needs
travels through the log as a `configure` action, so that a replay knows what the live run knew.
"""

import difflib
import ipaddress
import re
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from homestream.home_bridge import BridgeConfig

#: The whole home's meter, where `home.toml` marks no device as `mains`.
MAINS = "house/mains"

#: The names of all zones; looking them up walks through some hundred files, and each home restored asks.
_zones = cache(available_timezones)

#: Every name that becomes part of an id, a topic or a path.
Slug = Annotated[str, Field(min_length=1, max_length=200)]

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str | int | float) -> int:
    """`"10m"`, `"1h 30m"`, `"5s"` or a number of seconds -> milliseconds; ValueError says what is wrong."""
    if isinstance(text, (int, float)):
        return int(text * 1000)
    total, parts = 0.0, text.replace(" ", "")
    while parts:
        digits = 0
        while digits < len(parts) and (parts[digits].isdigit() or parts[digits] == "."):
            digits += 1
        unit = digits
        while unit < len(parts) and parts[unit].isalpha():
            unit += 1
        try:
            total += float(parts[:digits]) * UNITS_MS[parts[digits:unit]]
        except (KeyError, ValueError):
            raise ValueError(f"{text!r} is no duration; write it as 30s, 10m, 1h or 1h 30m") from None
        parts = parts[unit:]
    return int(total)


def is_loopback(host: str) -> bool:
    """Whether an address or host name means this machine alone."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_duration(text: str) -> str:
    duration_ms(text)
    return text


#: As `duration_ms` reads it.
Duration = Annotated[str, AfterValidator(_is_duration)]


def _several(value: object) -> object:
    """One name is a list of one, an empty one of none."""
    return ([value] if value else []) if isinstance(value, str) else value


def _are_hours(text: str) -> str:
    if text and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d\s*-\s*([01]?\d|2[0-3]):[0-5]\d|never", text):
        raise ValueError(f'{text!r} are no hours; write them as "22:00-07:00", or "never"')
    return text


#: Hours of each day: `"22:00-07:00"`, `"never"`, or "" where nothing is said.
Hours = Annotated[str, AfterValidator(_are_hours)]


class _Table(BaseModel):
    """A table of `home.toml`: an unknown key is an error, a read value never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DoorConfig(_Table):
    """Where devices connect, over what, and how much of the machine they may have."""

    host: str = "127.0.0.1"
    mqtt_port: int = Field(default=1883, ge=0, le=65535)
    http_port: int = Field(default=8080, ge=0, le=65535)
    coap_port: int = Field(default=5683, ge=0, le=65535)
    #: devices may connect without a password: from this machine; by TLS from anywhere; "anywhere" by all
    anonymous: bool | Literal["anywhere"] = False

    #: PEM files, below the home's folder or absolute; with a certificate the TLS ports listen too
    certificate: str = ""
    key: str = ""
    #: whoever shows a certificate of this authority is the principal that its common name says
    client_ca: str = ""
    #: where the TLS ports listen; default: `host`
    tls_host: str = ""
    mqtts_port: int = Field(default=8883, ge=0, le=65535)
    https_port: int = Field(default=8443, ge=0, le=65535)

    #: bytes of one MQTT packet; 1 MiB is far above any device's and small enough for thousands
    max_packet: int = Field(default=1 << 20, ge=1024, le=256 << 20)
    #: MQTT connections at once, and as many HTTP connections; a home has a few hundred
    max_connections: int = Field(default=5_000, ge=1)
    #: of them from one address, so that one machine run wild leaves room for the others
    max_per_address: int = Field(default=1_000, ge=1)
    #: bytes that wait for one slow or absent subscriber; its oldest QoS 0 messages go first
    max_queued_bytes: int = Field(default=1 << 20, ge=1024)
    #: QoS 1 and 2 messages on their way to one client, or from it, unacknowledged; a 5.0 client may say less
    max_inflight: int = Field(default=1_000, ge=1, le=65_535)
    #: levels of a topic or filter; deeper ones serve only to exhaust
    topic_depth: int = Field(default=100, ge=1, le=100)
    #: a socket that has not said who it is by then gives its place to another
    connect_timeout: Duration = "10s"
    #: wrong passwords a minute for one name from one address
    login_attempts: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _is_safe(self) -> "DoorConfig":
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together; set both, or neither")
        if self.client_ca and not self.certificate:
            raise ValueError("client_ca needs a certificate and key of our own; set them too")
        if self.anonymous is True and not self.certificate and not is_loopback(self.host):
            raise ValueError(
                f"anonymous = true with host = {self.host!r} would let in all your network; set certificate "
                'and key, or host = "127.0.0.1", or say anonymous = "anywhere"'
            )
        return self


class DeviceConfig(_Table):
    """Room, name and expectations of one device."""

    id: Slug
    room: str = ""
    name: str = ""
    #: counts as the whole home's meter: hogs and untracked are measured against it; default: `MAINS`
    mains: bool = False
    #: the meter this one hangs under
    parent: str = ""
    #: what it measures is given, not taken: solar panels, a battery's discharge
    produces: bool = False
    #: silence longer than this makes the device unknown; default: learned, see engine/outage.py
    expect_every: Duration = ""
    #: power is taken to last so long without a new reading, then energy is unknown; default: 5 min, or
    #: `expect_every` where that is longer
    max_gap: Duration = ""
    #: an opening, a window or a door, that counts for security
    perimeter: bool = True


class PersonConfig(_Table):
    """Somebody whose whereabouts a tracker reports."""

    name: Slug
    #: devices that report `presence`, one or several: `"ada_phone"` or `["ada_phone", "hall/keyfob"]`
    tracker: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    #: what the person's OwnTracks calls home
    home_region: str = "home"


#: A time of day; the end of one may be 24:00.
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00")


class BandConfig(_Table):
    """A price for some hours of some weekdays, by local time; it may pass midnight, as 22:00 to 06:00."""

    begin: str = Field(default="00:00", alias="from")
    end: str = Field(default="24:00", alias="to")
    #: of the hour itself: what is after midnight belongs to the next day
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    per_kwh: float = Field(ge=0)

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("begin", "end")
    @classmethod
    def _is_time(cls, text: str) -> str:
        if not _TIME.fullmatch(text):
            raise ValueError(f"{text!r} is no time of day; write it as 22:00")
        return text


class TariffConfig(_Table):
    """What energy costs: a price series where it is known, else the first band that fits, else flat."""

    currency: str = "EUR"
    per_kwh: float = Field(default=0.30, ge=0)
    #: `[[tariff.band]]`: time of use
    band: tuple[BandConfig, ...] = ()
    #: a series of prices a kWh, as `grid/price.price`
    price: str = ""
    #: what the grid pays for a kWh of ours
    export_per_kwh: float = Field(default=0.0, ge=0)
    #: whatever is used
    standing_per_day: float = Field(default=0.0, ge=0)

    @field_validator("price")
    @classmethod
    def _is_series(cls, text: str) -> str:
        if text and not re.fullmatch(r".+\.[a-z0-9_]+", text):
            raise ValueError(f"{text!r} is no series; write DEVICE.METRIC, as grid/price.price")
        return text


class ZoneConfig(_Table):
    """Sensors that are armed together; a device is in the first zone that names it, else its room."""

    name: Slug
    devices: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    #: the modes it is armed in; default: openings in all, motion in away
    armed: tuple[Literal["home", "night", "away"], ...] = ()
    #: the way in: an opening gives `entry_delay` to disarm, and motion meanwhile is no alarm of its own
    entry: bool = False
    #: armed day and night, also when disarmed, and without delay
    always: bool = False


class SecurityConfig(_Table):
    """When an opening is unexpected."""

    night_from: str = "23:00"
    night_to: str = "06:00"
    #: how long after arming a leaving person may still move
    exit_delay: Duration = "30s"
    #: how long after an entry door opened there is to disarm
    entry_delay: Duration = "30s"
    #: no motion for this long after the outer door closed, and the home counts as empty
    empty_after: Duration = "15m"
    #: how long the security log is kept; "" for ever
    keep: Duration = ""
    zone: tuple[ZoneConfig, ...] = ()

    @field_validator("night_from", "night_to")
    @classmethod
    def _is_time_of_day(cls, text: str) -> str:
        if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", text):
            raise ValueError(f"{text!r} is no time of day; write it as 23:00")
        return text


class RuleConfig(_Table):
    """One rule, as written; compiled by `engine.rules.ruleset`.

    It has one beginning: `when`, `first` with `then`, `silent`, `anomaly` or `at`.
    """

    name: Slug
    when: str = ""
    until: str = ""
    hold: Duration = Field(default="0s", alias="for")
    #: a sequence: after `first` came each of `then`, in order, all `within` so long
    first: str = ""
    then: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    within: Duration = ""
    #: a series that says nothing `for` so long
    silent: str = ""
    #: a series of which something unusual is reported
    anomaly: str = ""
    #: local times: `"22:30"`, `"sunset - 15m"`, one or several; and the weekdays: `"mon-fri"`
    at: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    days: str = ""
    severity: Literal["info", "warning", "critical"] = "warning"
    cooldown: Duration = "0s"
    act_within: Duration = "60s"
    #: hours in which its notifications wait, as the home's; `"never"`: they do not wait
    quiet: Hours = ""
    do: tuple[str, ...] = ()
    #: file:line it stands at, for errors
    where: str = ""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class HomeConfig(_Table):
    """One home, whole."""

    id: Slug = "home"
    name: str = "Home"
    timezone: str = "UTC"
    rooms: tuple[str, ...] = ()
    device: tuple[DeviceConfig, ...] = ()
    person: tuple[PersonConfig, ...] = ()
    rule: tuple[RuleConfig, ...] = ()
    tariff: TariffConfig = TariffConfig()
    security: SecurityConfig = SecurityConfig()
    #: target name -> apprise URL
    notify: dict[str, str] = {}
    door: DoorConfig = DoorConfig()
    bridge: tuple[BridgeConfig, ...] = ()
    #: name -> devices that are told the same: `lights = ["living/lamp", "office/lamp"]`
    group: dict[str, tuple[str, ...]] = {}
    #: name -> URL that a rule posts to; it may hold secrets
    webhook: dict[str, str] = {}
    #: where the home is, in degrees north and east; the sun's times need it
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    #: hours in which notifications wait that are not critical: `"22:00-07:00"`
    quiet: Hours = ""

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        if name not in _zones():
            raise ValueError(f"{name!r} is no IANA time zone; write it as Europe/Berlin")
        return name

    @field_validator("device")
    @classmethod
    def _is_tree(cls, devices: tuple[DeviceConfig, ...]) -> tuple[DeviceConfig, ...]:
        parents = {device.id: device.parent for device in devices}
        for device in devices:
            if device.parent and device.mains:
                raise ValueError(f"{device.id!r} is mains and so hangs under nothing; remove its parent")
            if device.parent and device.parent not in parents and device.parent != MAINS:
                near = difflib.get_close_matches(device.parent, parents, 1)
                hint = f"did you mean {near[0]!r}?" if near else "add it as a [[device]]"
                raise ValueError(f"{device.id!r} hangs under {device.parent!r}, which is unknown; {hint}")
            way = [device.id]
            while (parent := parents.get(way[-1], "")) and parent not in way:
                way.append(parent)
            if parent:
                raise ValueError(f"meters hang in a circle: {' under '.join([*way, parent])}; cut one parent")
        return devices

    @field_validator("bridge")
    @classmethod
    def _lead_elsewhere(
        cls, bridges: tuple[BridgeConfig, ...], info: ValidationInfo
    ) -> tuple[BridgeConfig, ...]:
        names = [bridge.name for bridge in bridges]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two bridges are named {twice!r}; give each a name of its own")
        door = info.data.get("door", DoorConfig())
        for bridge in bridges:
            own = door.mqtts_port if bridge.tls else door.mqtt_port
            if is_loopback(bridge.host) and bridge.where[1] == own:
                raise ValueError(
                    f"{bridge.name!r} leads back to this home's own door; give it the broker's port, "
                    "or the door another: mqtt_port in [door]"
                )
        return bridges

    @field_validator("webhook")
    @classmethod
    def _are_urls(cls, urls: dict[str, str]) -> dict[str, str]:
        # In the log they are blank. A URL is not repeated: it holds secrets.
        if wrong := [name for name, url in urls.items() if url and not re.match(r"https?://[^/\s]", url)]:
            raise ValueError(f"{wrong[0]} is no http:// or https:// URL")
        return urls

    @property
    def zone(self) -> ZoneInfo:
        """The home's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def mains(self) -> tuple[str, ...]:
        """Ids of the devices that measure the whole home; the one by the usual name may not exist."""
        return tuple(device.id for device in self.device if device.mains) or (MAINS,)

    @property
    def apart(self) -> frozenset[str]:
        """Ids of the devices left out of a home without mains: another one counts them, or they give."""
        return frozenset(device.id for device in self.device if device.parent or device.produces)

    def public(self) -> "HomeConfig":
        """What the engine is told, through the log: no [door] or bridges, no URLs, which hold secrets."""
        blank = {"notify": dict.fromkeys(self.notify, ""), "webhook": dict.fromkeys(self.webhook, "")}
        return self.model_copy(update={"door": DoorConfig(), "bridge": (), **blank})

    def named(self, device: str) -> DeviceConfig | None:
        """What `home.toml` says of a device, by id."""
        return next((d for d in self.device if d.id == device), None)
