"""Says what the registry has learned: a fact for each device that is new or known better."""

from collections.abc import Iterator

from homestream.dialects.registry import Device, Registry
from homestream.engine.fact import DeviceSeen


class Introductions:
    """What was last said of each device of a registry."""

    def __init__(self, registry: Registry) -> None:
        """All that is in the registry counts as said."""
        self.registry = registry
        self.version = registry.version
        self._said = {device.id: _traits(device) for device in registry}

    def due(self, home: str, time: int) -> Iterator[DeviceSeen]:
        """The facts owed since the last call; call when the registry's version is another than `version`."""
        self.version = self.registry.version
        for device in self.registry.take_changed():
            traits = _traits(device)
            if self._said.get(device.id) != traits:
                self._said[device.id] = traits
                yield DeviceSeen(
                    home=home,
                    time=time,
                    device=device.id,
                    room=device.room,
                    name=device.name,
                    dialect=device.dialect,
                    metrics=tuple(device.metrics),
                    commands=tuple(device.commands),
                )


def _traits(device: Device) -> tuple[object, ...]:
    return device.room, device.name, device.dialect, tuple(device.metrics), tuple(device.commands)
