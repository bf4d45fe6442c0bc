"""The device registry: what the dialects have learned of each device. Part of the fold; pure state."""

from collections.abc import Iterator
from typing import Any

import msgspec


class Device(msgspec.Struct):
    """One device. `id` is how its dialect names it (`laundry/iron`, `0x00158d…`); rules and pages use it.

    `room` and `name` come from `home.toml` where it names the device, else from the id. `commands` maps a
    metric that can be set (`switch`, `brightness`, `setpoint`, `position`) to the MQTT topic that sets it.
    """

    id: str
    room: str
    name: str
    dialect: str
    metrics: list[str] = msgspec.field(default_factory=list)
    commands: dict[str, str] = msgspec.field(default_factory=dict)
    available: bool | None = None


class Registry:
    """Devices of one home in the order learned."""

    def __init__(self) -> None:
        """An empty registry; `version` grows with every change, so that a reader can tell."""
        self.devices: dict[str, Device] = {}
        self.version = 0

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices.values())

    def snapshot(self) -> Any:
        """Builtins only."""
        return [msgspec.to_builtins(d) for d in self.devices.values()]

    @classmethod
    def restore(cls, state: Any) -> "Registry":
        """The inverse of `snapshot`."""
        registry = cls()
        for row in state:
            device = msgspec.convert(row, Device)
            registry.devices[device.id] = device
        return registry
