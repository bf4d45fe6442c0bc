"""Rules are checked at start: what is wrong is said with file, line and the nearest name."""

import pytest

from homestream.engine.rules.action import Enter, Order, Post, Tell, parse_action
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.ruleset import compile_rules, sound_rules, strangers
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


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "it begins with one of when, first, silent, anomaly, at; this one has none"),
        ('when = "a.power > 1"\nsilent = "a.power"', "this one has when and silent"),
        ('when = "a.power > 1"\nwithin = "5m"', "within says nothing in a rule that begins with when"),
        (
            'first = "a.power > 1"\nthen = "a.power < 1"',
            'a sequence is first, then and within: within = "5m"',
        ),
        ('silent = "a.power"', 'silent needs to know for how long: for = "1h"'),
        ('silent = "a.power > 1"\nfor = "1h"', "silent takes one series, as silent ="),
        ('anomaly = "a.power"\nfor = "1h"', "for says nothing in a rule that begins with anomaly"),
        ('anomaly = "a.pwer"', "no metric 'pwer'; did you mean power"),
        ('at = "22:3"', '"22:3" is no time of day'),
        ('at = "sunset"', "the sun's times need latitude and longitude"),
        ('at = "22:30"\ndays = "mno"', "weekday is one of"),
        ('first = "a/*.power"\nthen = "b/*.power"\nwithin = "1m"', "* stands for one device in a rule"),
        ('when = "a.power"\ndo = ["webhook hbu"]', "no webhook 'hbu' in [webhook]; did you mean hub"),
        ('when = "a.power"\ndo = ["turn off lihgts"]', "no group 'lihgts' in [group]; did you mean lights"),
        (
            'when = "a.power"\ndo = ["mode awya"]',
            "mode is one of disarmed, home, night, away; did you mean away",
        ),
        ("when = \"'Front dor'.contact and a.power > > 1\"", "a value is missing"),
    ],
)
def test_each_kind_has_its_words(lines, complaint):
    config = parse(HOUSE + '\n[[rule]]\nname = "X"\n' + lines)
    with pytest.raises(ConfigError) as error:
        compile_rules(config)
    assert complaint in str(error.value)


HOUSE = """
[webhook]
hub = "https://example.com/secret"

[group]
lights = ["hall/lamp", "office/lamp"]

[[device]]
id = "0x17"
name = "Front door"
"""


def test_names_become_ids():
    rule = '[[rule]]\nname = "X"\nwhen = "\'Front door\'.contact == open"\ndo = ["turn on Front door"]'
    [compiled] = compile_rules(parse(HOUSE + rule))
    assert compiled.refs == (("0x17", "contact"),)
    assert compiled.actions == (Order("0x17", "switch", 1.0),)


def test_devices_that_nobody_knows_are_doubted():
    rule = '[[rule]]\nname = "X"\nwhen = "laundry/irn.power > energy(den, \'day\')"\ndo = ["turn on lights"]'
    config = parse(HOUSE + rule, "home.toml")
    assert strangers(config, ["laundry/iron", "hall/lamp"]) == [
        "home.toml:11: rule 'X': no device 'laundry/irn' has spoken yet; did you mean laundry/iron",
        "home.toml:11: rule 'X': no device 'den' has spoken yet",
        "home.toml:11: rule 'X': no device 'office/lamp' has spoken yet",
    ]
    assert strangers(config, ["laundry/irn", "hall/lamp", "den", "office/lamp"]) == []


@pytest.mark.parametrize("hub", ["ftp://host/", "example.com", "https:///"])
def test_a_webhook_is_a_url_and_is_not_repeated(hub):
    with pytest.raises(ConfigError) as error:
        parse(f'[webhook]\nhub = "{hub}"')
    assert "hub is no http:// or https:// URL" in str(error.value)
    assert hub not in str(error.value)


def test_what_the_engine_is_told_holds_no_secret():
    config = parse(GOOD + HOUSE)
    assert config.public().webhook == {"hub": ""}
    assert "secret" not in config.public().model_dump_json()
    assert compile_rules(config.public())


@pytest.mark.parametrize("hours", ["22-7", "22:00", "25:00-07:00", "22:00-07:60"])
def test_quiet_hours_are_hours(hours):
    with pytest.raises(ConfigError, match="are no hours"):
        parse(f'quiet = "{hours}"')


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
        ("mode away", Enter("away")),
        ("webhook my hub", Post("my hub")),
    ],
)
def test_actions(text, action):
    assert parse_action(text) == action


@pytest.mark.parametrize(
    "text",
    [
        "",
        "notify",
        "turn lamp on",
        "turn on",
        "set lamp to 3",
        "set lamp.switch to",
        "set a.b to 1e999",
        "mode",
        "mode out",
    ],
)
def test_no_action(text):
    with pytest.raises(ExpressionError):
        parse_action(text)
