"""What opens and clears over and over is said once, then quiet until it is steady."""

from typing import Any

from homestream.engine.fact import Alert, Command, Notify

from ..bench import MIN, Bench, S

RULE = {"name": "R", "when": "a/x.power > 10", "do": ["notify phone", "turn on a/siren"]}


def home(**more: Any) -> Bench:
    return Bench(rule=[{**RULE, **more}], notify={"phone": ""})


def flap(bench: Bench, times: int, every: int = 30 * S) -> None:
    for _ in range(times):
        for value in (20, 0):
            bench.say("a/x.power", value)
            bench.wait(every)


def test_the_fifth_time_is_said_to_flap_and_then_it_is_quiet():
    bench = home()
    flap(bench, 9)
    alerts = bench.said(Alert, rule="R")
    assert [(a.state, a.flapping) for a in alerts] == [("opened", False), ("cleared", False)] * 4 + [
        ("opened", True)
    ]
    assert alerts[-1].text == "R · A x flapping, 5 times in 10 min; quiet until it is steady" or (
        "flapping, 5 times in 10 min; quiet until it is steady" in alerts[-1].text
    )
    assert len(bench.said(Notify)) == 5
    assert len(bench.said(Command, device="a/siren", state="pending")) == 4
    bench.restart()
    bench.wait(9 * MIN)
    bench.say("a/x.power", 20)  # not steady yet
    bench.wait(MIN)
    bench.say("a/x.power", 0)
    bench.restart()
    bench.wait(9 * MIN)
    assert bench.said(Alert, rule="R")[-1].state == "opened"
    bench.wait(2 * MIN)
    assert [(a.state, a.flapping) for a in bench.said(Alert, rule="R")[-2:]] == [
        ("opened", True),
        ("cleared", True),
    ]
    bench.say("a/x.power", 20)
    assert bench.said(Alert, rule="R")[-1].flapping is False
    assert len(bench.said(Notify)) == 6


def test_slowly_is_no_flapping():
    bench = home()
    flap(bench, 8, every=2 * MIN)
    assert not any(alert.flapping for alert in bench.said(Alert, rule="R"))


def test_two_rules_that_set_the_mode_against_each_other_come_to_rest():
    bench = Bench(
        rule=[
            {"name": "A", "when": "mode == away", "do": ["mode home"]},
            {"name": "B", "when": "mode == home", "do": ["mode away"]},
        ]
    )
    bench.act("mode", mode="away")
    bench.wait(5 * MIN)
    assert len(bench.said(Alert)) < 10


def test_the_rule_taken_away():
    bench = home()
    flap(bench, 5)
    bench.configure()
    assert [(a.state, a.by) for a in bench.said(Alert, rule="R")][-1] == ("cleared", "rule removed")
    bench.wait(20 * MIN)
    bench.configure(rule=[RULE], notify={"phone": ""})
    bench.say("a/x.power", 20)
    assert bench.said(Alert, rule="R")[-1].flapping is False
