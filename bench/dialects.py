"""Messages that one core decodes in a second of CPU, by family: python bench/dialects.py."""

from collections.abc import Iterator
from time import process_time

from homestream.dialects import decode
from homestream.dialects.registry import Registry
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

ARRIVED = 1_767_607_200_000
ROWS = 1_000
ENERGY = (
    b'{"Time":"2026-01-05T10:00:00","ENERGY":{"Total":312.044,"Today":0.311,"Power":1987,"ApparentPower":2010,'
    b'"ReactivePower":301,"Factor":0.99,"Voltage":229,"Current":8.777}}'
)


def cases() -> Iterator[tuple[str, str, bytes, int]]:
    """(name, topic, payload, rows in it)."""
    yield "plain number", "home/laundry/iron/power", b"1180.5", 1
    yield "plain state", "home/hall/door/contact", b"open", 1
    yield "plain JSON", "home/attic/box/temperature", b'{"value": 21.3, "time": 1767607199000}', 1
    climate = b'{"battery":74,"humidity":61.2,"linkquality":88,"temperature":22.41}'
    yield "Zigbee2MQTT, 4 readings", "zigbee2mqtt/bath", climate, 1
    plug = b'{"state":"ON","power":41.7,"energy":128.345,"voltage":231,"current":0.19,"countdown":0}'
    yield "Zigbee2MQTT plug, 5 readings", "zigbee2mqtt/plug", plug, 1
    box = b'{"Time":"2026-01-05T10:00:00","AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}'
    yield "Tasmota SENSOR, 2 readings", "tele/box/SENSOR", box, 1
    yield "Tasmota ENERGY, 7 readings", "tele/plug/SENSOR", ENERGY, 1
    line = "climate,device=attic/box{},room=attic temperature=21.{},humidity=40 1767607100{:03}000000"
    lines = "\n".join(line.format(n % 50, n % 10, n) for n in range(ROWS))
    yield "line protocol row, 2 readings", "api/write/ns", lines.encode(), ROWS
    row = '{{"device":"attic/box{}","metric":"temperature","value":21.{},"time":1767607100{:03}}}'
    rows = ",".join(row.format(n % 50, n % 10, n) for n in range(ROWS))
    yield "JSON row", "api/readings", f"[{rows}]".encode(), ROWS
    record = '{{"n":"attic/box{}/temperature","u":"Cel","v":21.{},"t":1767607100}}'
    pack = ",".join(record.format(n % 50, n % 10) for n in range(ROWS))
    yield "SenML record", "api/senml", f"[{pack}]".encode(), ROWS


def main() -> None:
    """Print the best of three for each case."""
    config = HomeConfig(timezone="Europe/Berlin")
    for name, topic, payload, items in cases():
        registry = Registry()
        entry = Entry(1, Kind.MESSAGE, "home", "mqtt:bench", topic, payload, ARRIVED, items)
        decode(registry, config, entry)
        runs = 30_000 // items
        seconds = []
        for _ in range(3):
            start = process_time()
            for _ in range(runs):
                decode(registry, config, entry)
            seconds.append((process_time() - start) / runs / items)
        print(f"{name:32} {min(seconds) * 1e6:6.2f} us {1 / min(seconds):12,.0f} /CPU-s")


if __name__ == "__main__":
    main()
