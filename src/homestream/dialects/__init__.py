"""Pure: how each family of devices speaks. A message becomes readings, a command becomes a message.

`decode` picks the dialect by topic and keeps the topic's decoder in the registry, so that a message costs one
lookup and its decoder. One file a family: plain, zigbee2mqtt, tasmota, owntracks; rows (JSON), line (Influx),
senml, hook for what comes by HTTP and CoAP. What devices there are and what they can do is in the registry.
"""

from collections.abc import Callable

from homestream.dialects import (
    hook,
    influx,
    line,
    observed,
    owntracks,
    plain,
    rows,
    senml,
    tasmota,
    zigbee2mqtt,
)
from homestream.dialects.port import Decoder, NotCommandable, Refusal, Row, TooMany
from homestream.dialects.registry import MAX_BOUND, Device, Registry
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.reading import METRICS, Entry

__all__ = ["NotCommandable", "Refusal", "Row", "TooMany", "count_items", "decode", "encode_command", "look"]

#: Asked in this order; the first that knows a topic has it.
BINDS: tuple[Callable[[Registry, str], Decoder | None], ...] = (
    plain.bind,
    zigbee2mqtt.bind,
    tasmota.bind,
    owntracks.bind,
    rows.bind,
    line.bind,
    senml.bind,
    hook.bind,
)
#: dialect -> how its devices are told something
ENCODERS: dict[str, Callable[[Device, str, float], tuple[str, bytes]]] = {
    "plain": plain.encode,
    "zigbee2mqtt": zigbee2mqtt.encode,
    "tasmota": tasmota.encode,
}
#: Of an item that the door counted and no dialect finds.
NOTHING = Refusal("nothing was found for this item")
#: Longer topics name nothing that we could keep an id of.
MAX_TOPIC = 400


def decode(registry: Registry, config: HomeConfig, entry: Entry) -> list[Row]:
    """The rows of a message, `entry.items` of them: each its readings, or why it was refused.

    Never raises. A message that is knowingly ignored (a request, a state that is no metric) has no readings
    and is no refusal. `registry` learns on the way; pass the same `config` object while it does not change.
    """
    if config is not registry.config:
        registry.configure(config)
    decoder = registry.bound.get(entry.topic)
    if decoder is None:
        decoder = _bind(registry, entry.topic)
    try:
        found: list[Row] = decoder(entry)
    except PeerError as error:
        return [Refusal(str(error))] * entry.items
    except Exception as error:  # our bug; but a message that stops the fold would stop it again at each start
        return [Refusal(f"internal error: {type(error).__name__}")] * entry.items
    return found if len(found) == entry.items else _as_many(found, entry.items)


def encode_command(registry: Registry, device_id: str, metric: str, value: float) -> tuple[str, bytes]:
    """(topic, payload) that asks a device to set `metric` to `value`, in our unit; `NotCommandable`."""
    device = registry.devices.get(device_id)
    if device is None:
        raise NotCommandable(f"{device_id} is not known; a device becomes known with its first message")
    if metric not in device.commands:
        can = ", ".join(device.commands) or "nothing"
        raise NotCommandable(f"{metric} of {device_id} cannot be set; what can: {can}")
    _, low, high = METRICS[metric]
    if not low <= value <= high:
        raise NotCommandable(f"{metric} of {device_id} takes {low:g} to {high:g}, not {value:g}")
    by_coap = device.commands[metric].startswith(observed.PREFIX)
    encode = observed.encode if by_coap else ENCODERS[device.dialect]
    return encode(device, metric, value)


def count_items(topic: str, payload: bytes) -> int:
    """How many items a payload of `api/…` holds, at least 1: what the door stamps as `Entry.items`."""
    try:
        if topic == rows.TOPIC:
            return max(1, len(rows.split(payload)))
        if topic.startswith(line.PREFIX):
            return max(1, influx.count(payload))
        if topic == senml.TOPIC:
            return max(1, len(senml.records(payload)))
    except PeerError:
        pass
    return 1


def look(config: HomeConfig, entry: Entry, most: int) -> tuple[int, list[tuple[int, str]]]:
    """How many items a message of `api/…` holds, and which will be refused: number from 0, and reason.

    Judged as `decode` would with an empty registry. `TooMany` where there are more than `most`.
    """
    by_line = entry.topic.startswith(line.PREFIX)
    items = 0
    if (
        not by_line or entry.payload.count(b"\n") >= most
    ):  # else no need to count: a line holds one item at most
        items = count_items(entry.topic, entry.payload)
        if items > most:
            raise TooMany(f"{items} rows are more than {most}; send them in parts")
    if by_line:
        items, refused = line.look(Registry(), entry)
        return (items, refused) if items else (1, [(0, NOTHING.reason)])
    rows = decode(Registry(), config, entry._replace(items=items))
    return len(rows), [(n, row.reason) for n, row in enumerate(rows) if isinstance(row, Refusal)]


def _bind(registry: Registry, topic: str) -> Decoder:
    decoder = None
    if len(topic) <= MAX_TOPIC:
        decoder = next((d for bind in BINDS if (d := bind(registry, topic)) is not None), None)
    if decoder is None:
        return _foreign
    if len(registry.bound) >= MAX_BOUND:
        registry.bound.clear()
    registry.bound[topic] = decoder
    return decoder


def _foreign(entry: Entry) -> list[Row]:
    raise PeerError("no dialect knows this topic")


def _as_many(found: list[Row], items: int) -> list[Row]:
    """As many rows as the door counted: the books hold items, so none may be added or go missing."""
    if len(found) < items:
        return found + [NOTHING] * (items - len(found))
    kept, rest = found[: items - 1], found[items - 1 :]
    readings = [reading for row in rest if not isinstance(row, Refusal) for reading in row]
    refused = next((row for row in rest if isinstance(row, Refusal)), None)
    last: Row = readings if readings or refused is None else refused
    return [*kept, last]
