"""What a home is: its rooms, devices, people, tariff, security and rules.

One frozen `HomeConfig`, read by `homefile.load`; nothing here is running state. The part the engine needs
travels through the log as a `configure` action, so that a replay knows what the live run knew.
"""

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

#: The whole home's meter, where `home.toml` marks no device as `mains`.
MAINS = "house/mains"

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


def _is_duration(text: str) -> str:
    duration_ms(text)
    return text


#: As `duration_ms` reads it.
Duration = Annotated[str, AfterValidator(_is_duration)]


class _Table(BaseModel):
    """A table of `home.toml`: an unknown key is an error, a read value never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DoorConfig(_Table):
    """Where devices connect."""

    host: str = "127.0.0.1"
    mqtt_port: int = Field(default=1883, ge=0, le=65535)
    http_port: int = Field(default=8080, ge=0, le=65535)
    coap_port: int = Field(default=5683, ge=0, le=65535)
    #: devices may connect without a password; refused beyond loopback
    anonymous: bool = False


class DeviceConfig(_Table):
    """Room, name and expectations of one device."""

    id: Slug
    room: str = ""
    name: str = ""
    #: counts as the whole home's meter: hogs and untracked are measured against it; default: `MAINS`
    mains: bool = False
    #: the meter this one hangs under
    parent: str = ""
    #: silence longer than this makes the device unknown; default: learned, see engine/outage.py
    expect_every: Duration = ""
    #: an opening, a window or a door, that counts for security
    perimeter: bool = True


class PersonConfig(_Table):
    """Somebody whose whereabouts a tracker reports."""

    name: Slug
    tracker: str = ""


class TariffConfig(_Table):
    """What energy costs."""

    currency: str = "EUR"
    per_kwh: float = Field(default=0.30, ge=0)


class SecurityConfig(_Table):
    """When an opening is unexpected."""

    night_from: str = "23:00"
    night_to: str = "06:00"
    #: how long after arming a leaving person may still move
    exit_delay: Duration = "30s"
    #: no motion for this long after the outer door closed, and the home counts as empty
    empty_after: Duration = "15m"

    @field_validator("night_from", "night_to")
    @classmethod
    def _is_time_of_day(cls, text: str) -> str:
        if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", text):
            raise ValueError(f"{text!r} is no time of day; write it as 23:00")
        return text


class RuleConfig(_Table):
    """One rule, as written; compiled by `engine.rule`."""

    name: Slug
    when: str
    until: str = ""
    hold: Duration = Field(default="0s", alias="for")
    severity: Literal["info", "warning", "critical"] = "warning"
    cooldown: Duration = "0s"
    act_within: Duration = "60s"
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

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no IANA time zone; write it as Europe/Berlin")
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The home's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def mains(self) -> tuple[str, ...]:
        """Ids of the devices that measure the whole home; the one by the usual name may not exist."""
        return tuple(device.id for device in self.device if device.mains) or (MAINS,)

    def named(self, device: str) -> DeviceConfig | None:
        """What `home.toml` says of a device, by id."""
        return next((d for d in self.device if d.id == device), None)
