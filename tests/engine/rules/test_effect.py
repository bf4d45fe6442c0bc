"""What rules do: groups, modes, webhooks, quiet hours."""

from typing import Any

from homestream.engine.fact import Alert, Command, Group, Mode, Notify, Webhook

from ..bench import MIN, TEN, Bench, H

LAMPS = {"lights": ["hall/lamp", "office/lamp"]}


def home(*do: str, rule: dict[str, Any] | None = None, **config: Any) -> Bench:
    written = {"name": "R", "when": "a/x.power > 10", "do": do, **(rule or {})}
    targets = {"notify": {"phone": ""}, "webhook": {"hub": ""}, "group": LAMPS}
    return Bench(rule=[written], **targets, **config)


def test_a_group_is_told_device_by_device():
    bench = home("turn off lights", "set lights.brightness to 20")
    bench.say("a/x.power", 20)
    [alert] = bench.said(Alert, rule="R")
    assert [(c.id, c.device, c.metric, c.value, c.group) for c in bench.said(Command, state="pending")] == [
        (f"{alert.id}-0.0", "hall/lamp", "switch", 0.0, "lights"),
        (f"{alert.id}-0.1", "office/lamp", "switch", 0.0, "lights"),
        (f"{alert.id}-1.0", "hall/lamp", "brightness", 20.0, "lights"),
        (f"{alert.id}-1.1", "office/lamp", "brightness", 20.0, "lights"),
    ]


def test_it_is_said_who_of_a_group_obeyed():
    bench = home("turn on lights")
    bench.say("a/x.power", 20)
    bench.say("hall/lamp.switch", 1)
    bench.restart()
    bench.wait(15_000)
    [group] = bench.said(Group)
    assert (group.group, group.obeyed, group.failed, group.by) == (
        "lights",
        ("hall/lamp",),
        ("office/lamp",),
        "rule R",
    )


def test_a_mode_is_set_once_and_other_rules_judge_by_it():
    bench = Bench(
        rule=[
            {"name": "R", "when": "a/x.power > 10", "do": ["mode away"]},
            {"name": "S", "when": "mode == away"},
        ]
    )
    bench.say("a/x.power", 20)
    bench.wait(10_000)
    assert [(m.mode, m.by) for m in bench.said(Mode)] == [("away", "rule R")]
    assert bench.lives("S") == [("opened", 1)]
    bench.say("a/x.power", 0)
    bench.say("a/x.power", 20, at=bench.now + 1)
    assert len(bench.said(Mode)) == 1


def test_a_webhook_holds_the_alert():
    bench = home("webhook hub")
    bench.say("a/x.power", 20)
    [alert], [hook] = bench.said(Alert, rule="R"), bench.said(Webhook)
    assert (hook.id, hook.hook, hook.alert) == (f"{alert.id}@hub", "hub", alert.id)
    assert (hook.rule, hook.key, hook.text, hook.evidence) == ("R", "a/x", alert.text, alert.evidence)
    assert hook.suppressed is False


def test_late_nothing_is_done():
    bench = home("notify phone", "turn off lights", "mode away", "webhook hub")
    bench.say("a/x.power", 0)
    bench.wait(H)
    bench.say("a/x.power", 20, at=bench.now - 30 * MIN)
    assert bench.said(Alert, rule="R")[0].late
    assert [n.suppressed for n in bench.said(Notify)] == [True]
    assert [w.suppressed for w in bench.said(Webhook)] == [True]
    assert {c.state for c in bench.said(Command)} == {"expired"}
    assert bench.said(Mode) == []


def after(bench: Bench) -> list[int]:
    bench.say("a/x.power", 20)
    return [(n.after - TEN) // MIN if n.after else 0 for n in bench.said(Notify)]


def test_quiet_hours_hold_back_what_is_not_critical():
    quiet = {"quiet": "09:00-12:30"}
    assert after(home("notify phone", **quiet)) == [150]
    assert after(home("notify phone", rule={"severity": "critical"}, **quiet)) == [0]
    assert after(home("notify phone", rule={"quiet": "never"}, **quiet)) == [0]
    assert after(home("notify phone", rule={"quiet": "09:30-10:30"}, **quiet)) == [30]
    assert after(home("notify phone", rule={"quiet": "22:00-07:00"}, **quiet)) == [0]
    assert after(home("notify phone", quiet="22:00-10:01", timezone="UTC")) == [1]
    assert after(home("notify phone", quiet="22:00-10:01", timezone="Europe/Berlin")) == [0]
