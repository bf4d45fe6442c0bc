"""Rules are checked at start: what is wrong is said with file, line and the nearest name."""

import pytest

from homestream.engine.rules.action import Order, Tell, parse_action
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.ruleset import compile_rules, sound_rules
from homestream.errors import ConfigError
from homestream.homefile import parse

GOOD = """
[notify]
phone = "json://localhost"

[[rule]]
name = "Iron left on"
when = "laundry/iron.power > 1000"
until = "laundry/iron.power < 50"
for = "10m"
do = ["notify phone", "turn off laundry/iron"]
"""


def test_a_good_rule():
    [rule] = compile_rules(parse(GOOD))
    assert (rule.hold, rule.cooldown, rule.act_within) == (600_000, 0, 60_000)
    assert rule.tell == ("phone",)
    assert rule.actions == (Tell("phone"), Order("laundry/iron", "switch", 0.0))
    assert not rule.timed
    assert not rule.of_home


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            ("iron.power > ", "iron.pwer > "),
            "home.toml:5: rule 'Iron left on': no metric 'pwer'; did you mean power",
        ),
        (("notify phone", "notify phon"), "no target 'phon' in [notify]; did you mean phone"),
        (("turn off laundry/iron", "stop it"), "'stop it' is nothing to do; write notify TARGET"),
        (("laundry/iron.power < 50", "*.power < 50"), "until binds *, but when binds nothing"),
        (("< 50", "<"), "a value is missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change, complaint):
    config = parse(GOOD.replace(*change))
    with pytest.raises(ConfigError) as error:
        compile_rules(config)
    assert str(error.value).startswith("home.toml:5: rule 'Iron left on': ")
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_is_given_once():
    with pytest.raises(ConfigError, match="another rule has this name"):
        compile_rules(parse(GOOD + GOOD.partition("[[rule]]")[1] + GOOD.partition("[[rule]]")[2]))


def test_in_the_log_a_wrong_rule_stops_no_other():
    text = GOOD + '\n[[rule]]\nname = "Wrong"\nwhen = "nothing at all"\n'
    assert [rule.name for rule in sound_rules(parse(text))] == ["Iron left on"]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("notify phone", Tell("phone")),
        (" notify  my phone ", Tell("my phone")),
        ("turn on Living room lamp", Order("Living room lamp", "switch", 1.0)),
        ("turn off laundry/iron", Order("laundry/iron", "switch", 0.0)),
        ("set bath/heater.setpoint to 19.5", Order("bath/heater", "setpoint", 19.5)),
        ("set shelly.1.switch to ON", Order("shelly.1", "switch", 1.0)),
        ("set attic/blind.position to -0", Order("attic/blind", "position", 0.0)),
    ],
)
def test_actions(text, action):
    assert parse_action(text) == action


@pytest.mark.parametrize(
    "text",
    ["", "notify", "turn lamp on", "turn on", "set lamp to 3", "set lamp.switch to", "set a.b to 1e999"],
)
def test_no_action(text):
    with pytest.raises(ExpressionError):
        parse_action(text)
