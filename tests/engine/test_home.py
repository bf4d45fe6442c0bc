from math import inf, isnan, nan

import pytest

from homestream.dialects.port import Refusal
from homestream.engine import home as home_module
from homestream.engine.clock import AHEAD, DAY, LATENESS, MINUTE
from homestream.engine.fact import Blind, DeviceSeen
from homestream.engine.output import Account
from homestream.reading import Entry, Kind, Reading

from .streams import DEVICE, HOME, SPRING, Run

T = SPRING


def newest(run: Run, metric: str = "temperature") -> tuple[int, float] | None:
    return run.fold.stage.value(DEVICE, metric)


def test_a_duplicate_is_counted_and_dropped() -> None:
    run = Run()
    for _ in range(3):
        run.read(T, 21.0)
        run.read(T + 1, nan)
    assert run.account == Account(received=6, stored=2, duplicate=4)
    assert len(run.out.readings) == 2


def test_a_correction_wins_and_says_so() -> None:
    run = Run()
    run.read(T, 21.0)
    run.read(T, 22.0)
    assert newest(run) == (T, 22.0)
    assert [(reading.value, corrects) for _, reading, _, corrects in run.out.readings] == [
        (21.0, False),
        (22.0, True),
    ]
    assert run.account == Account(received=2, stored=2)


def test_out_of_order_is_stored_and_is_not_the_current_value() -> None:
    run = Run()
    run.read(T, 21.0)
    run.read(T - LATENESS, 19.0)
    assert newest(run) == (T, 21.0)
    assert [late for _, _, late, _ in run.out.readings] == [False, False]


def test_older_than_the_watermark_is_late() -> None:
    run = Run()
    run.read(T, 21.0)
    run.read(T - LATENESS - 1, 19.0)
    assert [late for _, _, late, _ in run.out.readings] == [False, True]
    assert run.account == Account(received=2, stored=2, late=1)


def test_late_but_newer_than_its_series_is_the_current_value() -> None:
    run = Run()
    run.read(T, 0.0, "contact")
    run.tick(T + DAY // 2)
    run.read(T + MINUTE, 1.0, "contact")
    assert newest(run, "contact") == (T + MINUTE, 1.0)
    assert run.out.readings[-1][2], "late"


def test_the_clock_never_goes_back() -> None:
    run = Run()
    run.read(T, 1.0)
    run.tick(T - DAY)
    run.read(T - MINUTE, 1.0)
    run.act(T - 5, "mode", b'{"mode": "away"}')
    assert run.fold.now == T


def test_unknown_opens_a_blind_interval_that_the_next_reading_closes() -> None:
    run = Run()
    run.read(T, 0.0, "contact")
    run.read(T + 1_000, nan, "contact")
    run.read(T + 2_000, nan, "contact")
    assert run.fold.view()["blind"] == [
        {"fact": "blind", "home": HOME, "time": T + 2_000, "device": DEVICE, "metric": "contact",
         "start": T + 1_000, "end": None, "before": 0.0, "after": None, "why": "unavailable"}
    ]  # fmt: skip
    run.read(T + 5_000, 1.0, "contact")
    opened, closed = (fact for fact in run.facts if isinstance(fact, Blind))
    assert (opened.start, opened.end, opened.before, opened.after) == (T + 1_000, None, 0.0, None)
    assert (closed.start, closed.end, closed.before, closed.after) == (T + 1_000, T + 5_000, 0.0, 1.0)
    assert run.fold.view()["blind"] == []


@pytest.mark.parametrize("value", [inf, -inf, 1e300])
def test_a_number_that_no_sensor_means_is_unknown(value: float) -> None:
    run = Run()
    run.read(T, value)
    run.read(T + 1, 5.0)
    run.tick(T + 3 * MINUTE)
    assert isnan(run.out.readings[0][1].value)
    assert run.windows("1m")[0].max == 5.0


def test_a_refused_item_is_kept_with_its_reason_and_the_rest_of_the_batch_goes_on() -> None:
    run = Run()
    rows = [
        [Reading(HOME, DEVICE, "power", T, 5.0)],
        Refusal("no number"),
        [],
        [Reading(HOME, DEVICE, "power", T, 5.0)],
    ]
    run.fold.step(
        Entry(7, Kind.MESSAGE, HOME, "http:x", "api/readings", b"...", T, 4), rows, run.account, run.out
    )
    assert run.account == Account(received=4, stored=2, duplicate=1, rejected=1)
    [refused] = run.out.rejected
    assert (refused.seq, refused.row, refused.reason, refused.payload) == (7, 1, "no number", b"...")


def test_a_flood_of_series_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "MAX_SERIES", 2)
    run = Run()
    for n in range(4):
        run.read(T, 1.0, f"metric{n}")
    assert run.account == Account(received=4, stored=2, rejected=2)
    assert run.out.rejected[0].reason == "more than 2 series in this home"


def test_devices_are_stated_when_the_registry_learns_of_them() -> None:
    run = Run()
    run.read(T, 1.0)
    for metric in ("power", "power", "switch"):
        run.fold.registry.note("laundry/iron", "plain", metric)
        run.read(T + 1, 1.0)
    seen = [fact for fact in run.facts if isinstance(fact, DeviceSeen)]
    assert [fact.metrics for fact in seen] == [("power",), ("power", "switch")]
    assert (seen[0].room, seen[0].name, seen[0].time) == ("laundry", "Iron", T)


def test_what_was_done_and_cannot_be_understood_is_rejected() -> None:
    run = Run()
    run.act(T, "mode", b"[1]")
    run.act(T, "configure", b'{"nonsense": 1}')
    assert [row.reason.split(":")[0] for row in run.out.rejected] == ["mode", "configure"]
    assert run.account == Account()


def test_a_configuration_moves_the_home_to_another_zone() -> None:
    run = Run("UTC")
    run.read(T, 1.0)
    run.act(T + 1, "configure", b'{"id": "h", "timezone": "Asia/Kolkata"}')
    for n in range(1, 60):
        run.read(T + n * MINUTE, 1.0)
    assert [fact.start for fact in run.windows("1h")] == [T - MINUTE - (T - MINUTE) % (60 * MINUTE)]


def test_the_view_shows_what_is_true_now() -> None:
    run = Run("Europe/Berlin")
    run.fold.registry.note(DEVICE, "plain", "temperature")
    run.read(T, 21.5)
    run.read(T + 1, nan, "humidity")
    view = run.fold.view()
    assert view["home"]["timezone"] == "Europe/Berlin"
    assert view["home"]["rooms"] == ["den"]
    assert (view["now"], view["mode"], view["occupied"]) == (T + 1, "disarmed", None)
    assert view["values"] == {DEVICE: {"temperature": [T, 21.5], "humidity": [T + 1, None]}}
    [device] = view["devices"]
    assert (device["id"], device["room"], device["name"]) == (DEVICE, "den", "X")
    assert (view["alerts"], view["security"], view["commands"]) == ([], [], [])


def test_a_window_is_stated_when_the_watermark_passes_its_end() -> None:
    run = Run()
    run.read(T, 1.0)
    run.tick(T + MINUTE + LATENESS - 1)
    assert run.windows("1m") == []
    run.tick(T + MINUTE + LATENESS)
    [window] = run.windows("1m")
    assert (window.size, window.start, window.time) == ("1m", T, T + MINUTE + LATENESS)
    assert (window.count, window.mean, window.twmean, window.known) == (1, 1.0, 1.0, MINUTE)


def test_a_device_that_is_ahead_does_not_make_the_others_late() -> None:
    run = Run()
    run.tick(T)
    ahead = [[Reading(HOME, "den/fast", "temperature", T + 4 * MINUTE, 21.0)]]
    run.fold.step(Entry(2, Kind.MESSAGE, HOME, "mqtt:x", "x", b"", T + 100), ahead, run.account, run.out)
    assert run.fold.now == T + 100 + AHEAD
    run.read(T + 1_000, 19.0)
    run.tick(T + 10 * MINUTE)
    assert [late for _, _, late, _ in run.out.readings] == [False, False]
    assert {w.start for w in run.windows("1m") if w.device == "den/fast" and w.count} == {T + 4 * MINUTE}
