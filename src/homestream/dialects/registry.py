"""The device registry: what the dialects have learned of each device. Part of the fold; pure state."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.reading import Entry, Reading

#: Homes have tens to hundreds of devices; a flood of invented names must not fill the memory.
MAX_DEVICES = 5_000
#: The richest real device (a three-phase meter with climate) has about 40 metrics.
MAX_METRICS = 100
#: Longer ids are mistakes: topics and pages have to carry them. Names and rooms are cut at this length.
MAX_ID = 200
MAX_NAME = 100
#: Topics whose decoder is kept ready; beyond it the cache starts anew.
MAX_BOUND = 20_000


class Device(msgspec.Struct):
    """One device. `id` is how its dialect names it (`laundry/iron`, `0x00158d…`); rules and pages use it.

    `room` and `name` come from `home.toml` where it names the device, else from what the device says of
    itself (`said_room`, `said_name`), else from the id. `commands` maps a metric that can be set (`switch`,
    `brightness`, `setpoint`, `position`) to the MQTT topic that sets it. `base` is the device this one is a
    channel of (`plug` for `plug_left`), else "". `sources` says which of several sensors inside the device
    goes by the device's own id, by metric. `clock_wrong` is set once a time it gave was not believed.
    """

    id: str
    room: str
    name: str
    dialect: str
    metrics: list[str] = msgspec.field(default_factory=list)
    commands: dict[str, str] = msgspec.field(default_factory=dict)
    available: bool | None = None
    base: str = ""
    said_room: str = ""
    said_name: str = ""
    sources: dict[str, str] = msgspec.field(default_factory=dict)
    clock_wrong: bool = False


class Registry:
    """Devices of one home in the order learned."""

    def __init__(self) -> None:
        """An empty registry; `version` grows with every change, so that a reader can tell."""
        self.devices: dict[str, Device] = {}
        self.version = 0
        #: devices known better since `take_changed`, in the order of their changes
        self._changed: dict[str, Device] = {}
        #: the configuration that gave rooms and names; not part of the snapshot
        self.config: HomeConfig | None = None
        #: topic -> its decoder, made anew after a restore; says nothing that the topic does not
        self.bound: dict[str, Callable[[Entry], Any]] = {}

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices.values())

    def configure(self, config: HomeConfig) -> None:
        """Take rooms and names from `config`."""
        self.config = config
        for device in self:
            self._place(device)

    def learn(self, device_id: str, dialect: str, base: str = "") -> Device:
        """The device of that id, new where unknown; `PeerError` for a bad id, or when there are too many."""
        device = self.devices.get(device_id)
        if device is None:
            if not 0 < len(device_id) <= MAX_ID:
                raise PeerError(f"a device id has 1 to {MAX_ID} characters")
            if len(self.devices) >= MAX_DEVICES:
                raise PeerError(f"more than {MAX_DEVICES} devices in this home")
            device = Device(id=device_id, room="", name="", dialect=dialect, base=base)
            self.devices[device_id] = device
            self._note_change(device)
            self._place(device)
        return device

    def note(self, device_id: str, dialect: str, metric: str, base: str = "") -> Device:
        """Note that a device of that id measures `metric`, and so is heard of again."""
        device = self.devices.get(device_id)
        if device is not None and metric in device.metrics and device.available is not False:
            return device
        device = self.learn(device_id, dialect, base)
        if device.available is False:
            self.available(device, True)
        if metric not in device.metrics:
            if len(device.metrics) >= MAX_METRICS:
                raise PeerError(f"more than {MAX_METRICS} metrics of {device_id}")
            device.metrics.append(metric)
            self._note_change(device)
        return device

    def available(self, device: Device, available: bool) -> None:
        """Note that a device can, or cannot, be reached."""
        if device.available is not available:
            device.available = available
            self._note_change(device)

    def commandable(self, device: Device, metric: str, topic: str) -> None:
        """Note the topic that sets `metric`."""
        if device.commands.get(metric) != topic:
            device.commands[metric] = topic
            self._note_change(device)

    def describe(self, device: Device, name: str = "", room: str = "") -> None:
        """Note what a device says of itself."""
        name, room = name[:MAX_NAME], room[:MAX_NAME]
        if (name and name != device.said_name) or (room and room != device.said_room):
            device.said_name = name or device.said_name
            device.said_room = room or device.said_room
            self._note_change(device)
            self._place(device)

    def sensor(self, device: Device, metric: str, source: str) -> str:
        """The id a sensor inside `device` goes by: the first to give a metric has the device's own."""
        source = source[:MAX_NAME]
        first = device.sources.get(metric)
        if first is None:
            if len(device.sources) >= MAX_METRICS:
                raise PeerError(f"more than {MAX_METRICS} metrics of {device.id}")
            device.sources[metric] = first = source
            self._note_change(device)
        return device.id if first == source else f"{device.id}_{source}"

    def clock_is_wrong(self, device_id: str) -> None:
        """Note that a device's own time was not believed."""
        device = self.devices.get(device_id)
        if device is not None and not device.clock_wrong:
            device.clock_wrong = True
            self._note_change(device)

    def channels(self, device_id: str) -> list[Device]:
        """The device of that id and its channels."""
        return [d for d in self if device_id in (d.id, d.base)]

    def reached(self, home: str, device_id: str, dialect: str, online: bool, at: int) -> list[Reading]:
        """A device, new or known, says that it can or cannot be reached: what is unknown from now on."""
        self.learn(device_id, dialect)
        if online:
            self.back(device_id)
            return []
        return self.gone(home, device_id, at)

    def gone(self, home: str, device_id: str, at: int) -> list[Reading]:
        """The device cannot be reached: one unknown (NaN) reading for each metric of it and its channels."""
        devices = self.channels(device_id)
        for device in devices:
            self.available(device, False)
        return [Reading(home, d.id, metric, at, float("nan")) for d in devices for metric in d.metrics]

    def back(self, device_id: str) -> None:
        """The device can be reached; what it measures is unknown until it says so."""
        for device in self.channels(device_id):
            self.available(device, True)

    def take_changed(self) -> list[Device]:
        """The devices known better since the last call."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def snapshot(self) -> Any:
        """Builtins only."""
        return {"version": self.version, "devices": [msgspec.to_builtins(d) for d in self]}

    @classmethod
    def restore(cls, state: Any) -> "Registry":
        """The inverse of `snapshot`; rooms and names are as they were until `configure`."""
        registry = cls()
        for row in state["devices"]:
            device = msgspec.convert(row, Device)
            registry.devices[device.id] = device
        registry.version = state["version"]
        return registry

    def _note_change(self, device: Device) -> None:
        self.version += 1
        self._changed[device.id] = device

    def _place(self, device: Device) -> None:
        """Set room and name; a channel lies in the room of its base."""
        config = self.config and self.config.named(device.id)
        base = self.config and device.base and self.config.named(device.base)
        first, slash, rest = device.id.partition("/")
        room = (config and config.room) or (base and base.room) or device.said_room
        room = room or (first if slash else "")
        last = rest.rpartition("/")[2] or first
        name = (config and config.name) or device.said_name or _pretty(last)
        if (room, name) != (device.room, device.name):
            device.room, device.name = room, name
            self._note_change(device)


def _pretty(name: str) -> str:
    """`ceiling_light` -> `Ceiling light`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
