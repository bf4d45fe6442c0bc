"""What comes by HTTP, CoAP and MQTT as a payload: any bytes are rows, each its readings or why not."""

from math import isfinite, isnan

from homestream import dialects
from homestream.dialects import Refusal, TooMany, count_items, decode
from homestream.dialects.parts import joined, parts
from homestream.dialects.registry import Registry
from homestream.door import senml
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

CONFIG = HomeConfig()
ARRIVED = 1_700_000_000_000
#: As the door has it, but small, so that a fuzzer finds it.
MOST = 50

ROWS = [
    b'{"device": "laundry/iron", "metric": "power", "value": 1200, "time": 1700000000000, "unit": "kW"}',
    b'[{"device": "hall/probe", "time": "2026-01-02T03:04:05.5+01:00", "temperature": 21, "humidity": null}]',
    b'{"device":"a","power":1e400}\n{"device":"b","power":"on"}\n\n[]\n',
]
LINE = [
    b'power,device=laundry/iron,room=laundry value=1200i,ok=t,text="a \\"b\\"" 1700000000000000000',
    b"# remark\nhome\\ a,device=b\\,c temperature=21.5,humidity=4u\n\ncpu usage=1e3 17\r\n",
    b"weather wind=-0.5,sun=false\nm,t= v=1\n",
]
SENML_JSON = [
    b'[{"bn":"hall/probe/","bt":1.7e9,"n":"temperature","u":"Cel","v":21},{"n":"open","vb":true,"t":-5}]',
    b'[{"n":"urn:dev:ow:10e2073a01080063","u":"%RH","v":50.5,"bver":10},{"n":"x","vs":"text"}]',
    b'[{"bn":"a/","bu":"W","bv":10,"n":"power","v":1},{"vd":"AAEC"},{"n":"e","s":7,"ut":60}]',
]
SENML_CBOR = [
    bytes.fromhex("81a3216d68616c6c2f6c616d702f000065706f77657202fb401e000000000000"),
    bytes.fromhex("82a2006162022182a300616304f506fb41d9"),
    bytes.fromhex("81a4006174016343656c02f94d5006c482211903e8"),
]
DEVICE = [
    bytes((topic,)) + payload
    for topic, payload in enumerate(
        (
            b'{"temperature":21.5,"linkquality":80,"contact":false,"last_seen":"2026-01-02T03:04:05Z"}',
            b'{"state":"ON","brightness":128,"power":7.5,"energy":1.25,"update":{"state":"idle"}}',
            b'[{"ieee_address":"0x01","friendly_name":"hall/lamp","definition":{"exposes":[{"type":"light"}]}}]',
            b'{"state":"online"}',
            b'{"Time":"2026-01-02T03:04:05","ENERGY":{"Total":3.1,"Power":7},"SI7021":{"Temperature":21}}',
            b'{"POWER":"ON","Dimmer":50,"UptimeSec":9}',
            b'{"value": 21.5, "time": 1700000000000, "unit": "F"}',
            b'{"temperature": 21.3, "power": "ON", "time": "2026-01-02T03:04:05+01:00"}',
            b"offline",
            b'{"_type":"location","lat":52.5,"lon":13.4,"tst":1700000000,"inregions":["home"]}',
            b"temp=21.3&hum=55&id=sensor-f3a1&event=flood.alarm",
        )
    )
]
_TOPICS = (
    "zigbee2mqtt/hall/probe",
    "zigbee2mqtt/lamp",
    "zigbee2mqtt/bridge/devices",
    "zigbee2mqtt/lamp/availability",
    "tele/plug/SENSOR",
    "stat/plug/RESULT",
    "home/hall/probe/temperature",
    "home/hall/probe",
    "home/hall/probe/available",
    "owntracks/anna/phone",
    "api/hook/hall%2Fprobe",
)


def rows(data: bytes) -> None:
    """JSON and NDJSON."""
    _batch("api/readings", data)


def line(data: bytes) -> None:
    """Influx line protocol, at each precision."""
    _batch(f"api/write/{('ns', 'us', 'ms', 's', 'auto')[len(data) % 5]}", data)


def senml_json(data: bytes) -> None:
    """SenML in JSON."""
    _batch("api/senml", data)


def senml_cbor(data: bytes) -> None:
    """SenML in CBOR, which the door turns into JSON."""
    try:
        as_json = senml.to_json(data)
    except PeerError as error:
        assert str(error)
        return
    _batch("api/senml", as_json)


def device(data: bytes) -> None:
    """The payloads of device families, by topic."""
    topic = _TOPICS[(data[0] if data else 0) % len(_TOPICS)]
    registry = Registry()
    for payload in (data[1:], DEVICE[2][1:], data[1:]):
        _judge(
            decode(registry, CONFIG, Entry(1, Kind.MESSAGE, "home", "mqtt:device", topic, payload, ARRIVED))
        )


def _batch(topic: str, payload: bytes) -> None:
    items = count_items(topic, payload)
    entry = Entry(1, Kind.MESSAGE, "home", "http:device", topic, payload, ARRIVED, items)
    found = decode(Registry(), CONFIG, entry)
    assert len(found) == items
    _judge(found)
    _some(entry, found)
    refused = [(n, row.reason) for n, row in enumerate(found) if isinstance(row, Refusal)]
    try:
        told = dialects.look(CONFIG, entry._replace(items=1), MOST)
    except TooMany:
        assert items > MOST
    except PeerError as error:
        assert refused == [(0, str(error))], "the whole of it"
    else:
        assert told == (items, refused), f"the sender is told {told}, the books say {(items, refused)}"


def _some(entry: Entry, found: list[dialects.Row]) -> None:
    """Every other of the rows that were understood, as a batch of their own, are read as they were."""
    kept = [n for n, row in enumerate(found) if not isinstance(row, Refusal)][::2]
    if not kept:
        return
    try:
        texts = parts(entry.topic, entry.payload)
    except PeerError as error:
        assert str(error)
        return
    assert len(texts) == len(found)
    payload = joined(entry.topic, [texts[n] for n in kept])
    again = decode(Registry(), CONFIG, entry._replace(payload=payload, items=len(kept)))
    assert repr(again) == repr([found[n] for n in kept]), payload  # unknown is not equal to itself


def _judge(found: list[dialects.Row]) -> None:
    for row in found:
        if isinstance(row, Refusal):
            assert row.reason and not row.reason.startswith("internal error"), row.reason
            continue
        for reading in row:
            assert reading.home == "home" and reading.device and reading.metric
            assert isinstance(reading.time, int) and isinstance(reading.value, float)
            assert isnan(reading.value) or isfinite(reading.value)
