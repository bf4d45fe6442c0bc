"""Commands to devices: the dialect says topic and payload, the MQTT door carries them."""

from collections.abc import Awaitable
from typing import Protocol

from homestream import dialects
from homestream.dialects.registry import Registry
from homestream.engine.fact import Command

#: QoS 1: the device's client acknowledges it; its own state, read by the engine, confirms it.
QOS = 1


class Publish(Protocol):
    """The MQTT door's way out: hand a message to the subscribed clients of one home."""

    def __call__(self, home: str, topic: str, payload: bytes, *, qos: int) -> Awaitable[object]:
        """Returns when the message is on its way; an error means try again."""


async def send(fact: Command, registry: Registry, publish: Publish) -> None:
    """Publish one command; `dialects.NotCommandable` where the device cannot be told."""
    topic, payload = dialects.encode_command(registry, fact.device, fact.metric, fact.value)
    await publish(fact.home, topic, payload, qos=QOS)
