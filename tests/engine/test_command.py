"""The life of a command through the real engine."""

import pytest

from homestream.engine.fact import Alert, Command, Group

from .bench import Bench, S


def home() -> Bench:
    bench = Bench()
    bench.say("hall/lamp.switch", "OFF")
    bench.say("hall/lamp.brightness", 10)
    return bench


def order(bench: Bench, value: object = 1, metric: object = "switch") -> None:
    bench.act("command", device="hall/lamp", metric=metric, value=value)


def states(bench: Bench) -> list[tuple[float, str]]:
    return [(command.value, command.state) for command in bench.said(Command)]


def test_confirmed_by_the_devices_own_word():
    bench = home()
    order(bench)
    [pending] = bench.said(Command)
    assert (pending.id, pending.by, pending.state) == ("c4", "ann", "pending")
    assert (pending.requested, pending.expires) == (bench.now, bench.now + 10 * S)
    bench.wait(S)
    bench.say("hall/lamp.switch", "ON")
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 1)
    bench.wait(20 * S)
    assert states(bench) == [(1, "pending"), (1, "confirmed")]


def test_nobody_answers():
    bench = home()
    order(bench)
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 1)
    bench.wait(9 * S)
    bench.restart()
    assert states(bench) == [(1, "pending")]
    bench.wait(S)
    assert states(bench) == [(1, "pending"), (1, "failed")]
    bench.say("hall/lamp.switch", "ON")
    assert len(states(bench)) == 2


def test_a_newer_command_ends_the_older():
    bench = home()
    order(bench, 1)
    order(bench, 0)
    bench.say("hall/lamp.switch", "ON", at=bench.now + 1)
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 2)
    assert states(bench) == [(1, "pending"), (0, "pending"), (1, "expired"), (0, "confirmed")]


def test_other_metrics_wait_apart():
    bench = home()
    order(bench, 1)
    order(bench, 40, "brightness")
    bench.say("hall/lamp.brightness", 40.4, at=bench.now + 1)
    bench.say("hall/lamp.switch", "ON", at=bench.now + 1)
    assert states(bench)[2:] == [(40, "confirmed"), (1, "confirmed")]


def test_a_slow_clock_may_answer_but_the_past_may_not():
    bench = home()
    bench.wait(300 * S)
    order(bench)
    bench.say("hall/lamp.switch", "ON", at=bench.now - 200 * S)
    assert states(bench) == [(1, "pending")]
    bench.say("hall/lamp.switch", "ON", at=bench.now - 5 * S)
    assert states(bench) == [(1, "pending"), (1, "confirmed")]


@pytest.mark.parametrize("value", ["on", None, [1], 2, -1, 1e400, {}])
def test_no_value_is_no_command(value):
    bench = home()
    order(bench, value)
    assert states(bench) == []


@pytest.mark.parametrize("metric", [None, 3, ["switch"]])
def test_no_metric_is_no_command(metric):
    bench = home()
    order(bench, 1, metric)
    assert states(bench) == []


def test_true_is_on():
    bench = home()
    order(bench, True)
    assert states(bench) == [(1, "pending")]


def test_a_light_that_does_not_obey_has_an_alert_until_it_does():
    bench = home()
    order(bench)
    bench.wait(10 * S)
    assert states(bench)[-1] == (1, "failed")
    [alert] = bench.said(Alert)
    assert (alert.text, alert.severity) == ("Hall lamp did not obey: asked for on, says off", "warning")
    order(bench)
    bench.wait(10 * S)
    bench.restart()
    assert len(bench.said(Alert)) == 1, "one alert, however often it is asked"
    bench.say("hall/lamp.switch", "ON")
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_a_later_command_that_is_obeyed_ends_the_alert():
    bench = home()
    order(bench)
    bench.wait(10 * S)
    order(bench, 0)
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 1)
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_a_group_reports_who_obeyed():
    bench = Bench(group={"lights": ["hall/lamp", "den/lamp", "office/lamp"]})
    for room in ("hall", "den", "office"):
        bench.say(f"{room}/lamp.switch", "ON")
    bench.act("command", group="lights", metric="switch", value=0)
    assert [c.id for c in bench.said(Command)] == ["c5.0", "c5.1", "c5.2"]
    bench.wait(S)
    bench.say("den/lamp.switch", "OFF")
    bench.restart()
    bench.say("hall/lamp.switch", "OFF")
    assert bench.said(Group) == []
    bench.wait(10 * S)
    [told] = bench.said(Group)
    assert told.text == "lights: 2 of 3 obeyed, not Office lamp"
    assert (told.obeyed, told.failed) == (("hall/lamp", "den/lamp"), ("office/lamp",))
    assert [a.key for a in bench.said(Alert)] == ["office/lamp.switch"]


def test_all_of_a_group_obey():
    bench = Bench(group={"lights": ["hall/lamp"]})
    bench.say("hall/lamp.switch", "ON")
    bench.act("command", group="lights", metric="switch", value=0)
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 1)
    assert [g.text for g in bench.said(Group)] == ["lights: all 1 obeyed"]


def test_no_group_is_no_command():
    bench = home()
    bench.act("command", group="lamps", metric="switch", value=0)
    assert states(bench) == []
