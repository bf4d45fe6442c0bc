"""Each fault is in the data where the truth says, and nowhere else."""

from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from homestream.simulate.devices import DEVICES
from homestream.simulate.faults import LATE_MS, Fault, Report
from homestream.simulate.house import House

START = 1_767_571_200_000 + 14 * 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def shown() -> tuple[dict[str, Fault], list[Report], list[Report]]:
    """The faults of a demonstration by kind, and its first hour, sent with and without faults of the way."""
    home, clean = House("home", 1, BERLIN, START, 5000, True), House("home", 1, BERLIN, START, 5000, True)
    clean._wire.send = lambda reports: reports  # type: ignore[method-assign]
    sent = [report for _ in range(720) for report in home.step()]
    meant = [report for _ in range(720) for report in clean.step()]
    faults = {}
    for line in home.truth:
        if line["truth"] == "fault":
            times = (int(_ms(line["start"])), int(_ms(line["end"])))
            faults[line["kind"]] = Fault(line["kind"], line["device"], line["metric"], *times)
    return faults, sent, meant


def _ms(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() * 1000


def of(reports: list[Report], device: str) -> list[Report]:
    return [report for report in reports if report.device.id == device]


def during(fault: Fault, reports: list[Report], slack: int = 0) -> list[Report]:
    return [r for r in of(reports, fault.device) if fault.start - slack <= r.time < fault.end + slack]


def values(reports: list[Report], metric: str) -> list[float]:
    return [report.values[report.device.metrics.index(metric)] for report in reports]


def test_all_kinds_are_shown(shown: tuple[dict[str, Fault], list[Report], list[Report]]) -> None:
    assert set(shown[0]) == {
        *("silent", "stuck", "spike", "counter_reset", "duplicate", "late"),
        *("deaf", "door_left_open", "iron_left_on", "intrusion", "freezer_open"),
    }


def test_where_no_fault_is_the_data_are_what_was_meant(
    shown: tuple[dict[str, Fault], list[Report], list[Report]],
) -> None:
    faults, sent, meant = shown
    touched = {fault.device for fault in faults.values()}
    assert [r for r in sent if r.device.id not in touched] == [r for r in meant if r.device.id not in touched]


def test_faults_of_the_way(shown: tuple[dict[str, Fault], list[Report], list[Report]]) -> None:
    faults, sent, meant = shown
    silent = faults["silent"]
    assert during(silent, sent, -5000) == []
    assert len(during(silent, meant, -5000)) > 100
    spike = faults["spike"]
    up = [
        a - b
        for a, b in zip(*(values(of(r, spike.device), "temperature") for r in (sent, meant)), strict=True)
    ]
    assert sum(leap > 30 for leap in up) == 1
    stuck = faults["stuck"]
    assert len(set(values(during(stuck, sent, -5000), "temperature"))) == 1
    assert len(set(values(during(stuck, meant, -5000), "temperature"))) > 1
    reset = faults["counter_reset"]
    counted = values(of(sent, reset.device), "energy")
    falls = [n for n, (a, b) in enumerate(pairwise(counted)) if b < a]
    assert len(falls) == 1
    assert counted[falls[0] + 1] == 0
    twice = Counter(of(sent, faults["duplicate"].device))
    assert set(twice.values()) == {1, 2}
    assert all(n == 1 or abs(r.time - faults["duplicate"].start) < 20_000 for r, n in twice.items())
    late = of(sent, faults["late"].device)
    assert sorted(late, key=lambda r: r.time) == of(meant, faults["late"].device)
    back = [a.time - b.time for a, b in pairwise(late) if b.time < a.time]
    assert back
    assert max(back) >= LATE_MS - 5000


def test_faults_of_the_house(shown: tuple[dict[str, Fault], list[Report], list[Report]]) -> None:
    faults, sent, _ = shown
    assert set(values(during(faults["door_left_open"], sent, -5000), "contact")) == {1.0}
    assert min(values(during(faults["iron_left_on"], sent, -5000), "power")) > 1000
    assert max(values(during(faults["freezer_open"], sent), "temperature")) > -15
    moved = {
        report.device.id
        for report in sent
        if report.device.kind == "motion"
        and faults["intrusion"].start + 5000 <= report.time < faults["intrusion"].end
        and report.values[0]
    }
    assert {"hall/motion", "living_room/motion"} <= moved
    phones = [
        r for r in sent if r.device.kind == "phone" and abs(r.time - faults["intrusion"].start) < 60_000
    ]
    assert phones
    assert {value for r in phones for value in r.values} == {0.0}


def test_an_ordinary_week_has_a_few_of_them() -> None:
    home = House("home", 1, BERLIN, START, 60_000)
    for _ in range(7 * 1440):
        home.step()
    kinds = Counter(line["kind"] for line in home.truth if line["truth"] == "fault")
    assert sum(kinds.values()) > 20
    assert {"silent", "spike", "duplicate", "late"} <= set(kinds)
    ids = {device.id for device in DEVICES}
    assert all(line["device"] in ids for line in home.truth if line["truth"] == "fault")
