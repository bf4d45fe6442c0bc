"""The generator, whole: files that are always the same bytes, and real doors that understand every word."""

import asyncio
import csv
import gzip
import json
import math
from collections import defaultdict
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from homestream.errors import HomestreamError
from homestream.etl import etl
from homestream.simulate import client, command
from homestream.simulate.command import START, run, simulate
from homestream.simulate.devices import DEVICES
from homestream.simulate.house import House

SHORT = 0.01


def made(folder: Path, name: str, **more: object) -> bytes:
    simulate([str(folder / name)], days=SHORT, **more)  # type: ignore[arg-type]
    return (folder / name).read_bytes()


def test_same_seed_same_bytes_in_any_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(tmp_path, "a.csv", homes=2)
    assert made(tmp_path, "b.csv", homes=1) != first
    assert made(tmp_path, "c.csv", homes=2, seed=2) != first
    assert made(tmp_path, "e.csv", homes=2) == first
    one = made(tmp_path, "f.csv")
    monkeypatch.setattr(command, "BATCH", 7)
    assert made(tmp_path, "g.csv") == one


def test_csv_json_and_gzip_say_the_same(tmp_path: Path) -> None:
    names = ["a.csv", "a.jsonl", "a.csv.gz", "a.jsonl.gz"]
    count = simulate(
        [str(tmp_path / name) for name in names], days=SHORT, truth=tmp_path / "truth" / "t.jsonl"
    )
    text, lines, packed_text, packed_lines = ((tmp_path / name).read_bytes() for name in names)
    assert gzip.decompress(packed_text) == text
    assert gzip.decompress(packed_lines) == lines
    assert packed_text == made(tmp_path, "again.csv.gz")
    rows = list(csv.DictReader(text.decode().splitlines()))
    assert len(rows) == count == round(SHORT * 17280) * sum(len(d.metrics) for d in DEVICES)
    objects = [json.loads(line) for line in lines.splitlines()]
    assert [{k: str(v) for k, v in one.items()} for one in objects] == rows
    assert rows[0] == {
        "home": "home",
        "device": "tv",
        "metric": "switch",
        "time": "2026-01-05T00:00:00.000Z",
        "value": "0.0",
        "unit": "",
        "room": "living_room",
    }
    truth = [json.loads(line) for line in (tmp_path / "truth" / "t.jsonl").read_text().splitlines()]
    assert {"anna", "ben", "mia", "tom"} == {line["person"] for line in truth if line["truth"] == "person"}
    assert all(line["home"] == "home" for line in truth)


def test_the_etl_reads_it_back(tmp_path: Path) -> None:
    count = simulate([str(tmp_path / "a.jsonl.gz")], days=0.02, every_ms=30_000)
    result = etl([str(tmp_path / "a.jsonl.gz")], f"sqlite:///{tmp_path}/out.db")
    assert (result["read"], result["stored"], result["rejected"]) == (count, count, 0)


def test_to_stdout_come_json_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    count = simulate(["-"], days=2 / 17280)
    lines = capfdbinary.readouterr().out.splitlines()
    assert len(lines) == count
    assert json.loads(lines[0])["device"] == "tv"


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ([], "where to"),
        (["a.xml"], "is no target"),
        (["ftp://x"], "is no target"),
        (["a.csv", "mqtt://127.0.0.1"], "run simulate twice"),
        (["/proc/x/a.csv"], "choose another --to"),
    ],
)
def test_mistakes_are_one_line(targets: list[str], says: str) -> None:
    with pytest.raises(HomestreamError, match=says) as error:
        simulate(targets)
    assert "\n" not in str(error.value)


async def test_one_http_door_gets_every_device_once(doors) -> None:  # type: ignore[no-untyped-def]
    steps = 12
    await run([doors.targets[1]], days=steps / 17280, speed=20, start=START, zone=ZoneInfo("UTC"))
    assert sum(entry.items for entry in doors.committed) == steps * len(DEVICES)


async def test_real_doors_understand_every_family(doors) -> None:  # type: ignore[no-untyped-def]
    steps = 12
    start = START + 18 * 3_600_000
    berlin = ZoneInfo("Europe/Berlin")
    sent = await run(
        doors.targets, days=steps / 17280, speed=20, start=start, zone=berlin, truth=None, seed=4
    )
    readings, registry = doors.readings()
    sources = {entry.source.partition(":")[0] for entry in doors.committed}
    assert sources == {"mqtt", "http", "coap"}
    assert {d.id for d in DEVICES} == set(registry.devices)
    commandable = {d.id for d in registry.devices.values() if "switch" in d.commands}
    assert commandable == {d.id for d in DEVICES if "switch" in d.commands}
    twin = House("home", 4, berlin, start, 5000)
    expected: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(steps):
        for report in twin.step(0, 250):
            for metric, value in zip(report.device.metrics, report.values, strict=True):
                expected[report.device.id, metric].append(value)
    assert sent == sum(map(len, expected.values()))
    found = defaultdict(list)
    for reading in readings:
        found[reading.device, reading.metric].append(reading.value)
    for key, values in expected.items():
        assert len(found[key]) == steps, key
        # Zigbee has 254 levels of brightness
        near = 0.5 if key[1] == "brightness" else 0.06
        assert all(math.isclose(a, b, abs_tol=near) for a, b in zip(found[key], values, strict=True)), key
    arrived = {entry.seq: entry.arrived for entry in doors.committed}
    assert max(r.time for r in readings) <= max(arrived.values()) + 100


async def test_lamps_and_plugs_obey_over_mqtt_and_a_deaf_one_does_not(doors) -> None:  # type: ignore[no-untyped-def]
    stop = asyncio.Event()
    noon = START + 12 * 3_600_000  # when nobody has put a lamp on by hand
    living = asyncio.create_task(run(doors.targets[:1], speed=5, stop=stop, showcase=True, start=noon))

    async def until(count: int) -> None:
        for _ in range(500):
            if len(doors.committed) >= count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nothing came")

    await until(150)
    wishes = [
        ("zigbee2mqtt/office/ceiling_light/set", b'{"state":"ON","brightness":127}'),
        ("cmnd/tv/POWER", b"ON"),
        ("home/garage/light/switch/set", b"ON"),
        ("home/bedroom/thermostat/setpoint/set", b"23.5"),
        ("zigbee2mqtt/living_room/floor_lamp/set", b'{"state":"ON"}'),
    ]
    before = len(doors.committed)
    for topic, payload in wishes:
        assert doors.mqtt.publish(topic, payload) == 1
    await until(before + 150)
    stop.set()
    await living
    after = [(entry.topic, entry.payload) for entry in doors.committed[before:]]
    assert any(topic == "zigbee2mqtt/office/ceiling_light" and b'"state":"ON"' in p for topic, p in after)
    assert any(topic == "tele/tv/STATE" and b'"POWER":"ON"' in p for topic, p in after)
    assert ("home/garage/light/switch", b"ON") in after
    assert any(topic == "home/bedroom/thermostat/setpoint" and b"23.5" in p for topic, p in after)
    assert not any(
        topic == "zigbee2mqtt/living_room/floor_lamp" and b'"state":"ON"' in p for topic, p in after
    )


async def test_a_server_that_is_not_there_or_refuses_is_one_line(  # type: ignore[no-untyped-def]
    doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.5)
    with pytest.raises(HomestreamError, match="no MQTT server answers"):
        await run(["mqtt://127.0.0.1:9"], days=1)
    wrong = [target.replace("p%3Ass", "pass") for target in doors.targets]
    monkeypatch.setattr(client, "PATIENCE_S", 15)
    for target, says in zip(wrong, ("refuses the login", "answers 401", "answers 4"), strict=True):
        with pytest.raises(HomestreamError, match=says):
            await run([target], days=1, speed=100)
