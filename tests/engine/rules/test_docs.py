"""docs/rules.md says what there is: its examples are rules, and nothing that a rule may say is missing."""

import re
from pathlib import Path

import pytest

from homestream.engine.rules.calls import FUNCTIONS
from homestream.engine.rules.condition import Condition
from homestream.engine.rules.ruleset import BEGINNINGS, compile_rules
from homestream.home import HomeConfig, RuleConfig
from homestream.homefile import parse

DOCS = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
HOME = """
latitude = 52.52
longitude = 13.405
[notify]
phone = ""
[[device]]
id = "0x17"
name = "Front door"
"""
CONFIG = parse(HOME)


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_an_example_is_a_rule(text):
    assert compile_rules(parse(HOME + text))


CONDITIONS = DOCS.split("## Conditions")[1].split("## What it does")[0]


@pytest.mark.parametrize(
    "text",
    [text for text in re.findall(r"`([^`]+)`", CONDITIONS) if re.search(r"[<>=] |^energy\(", text)],
)
def test_an_example_is_a_condition(text):
    if text.startswith("energy") and ">" not in text:
        text += " > 1"
    if "<=" not in text:
        Condition(re.sub(r"(?<![\w/.])x(?![\w/.])", "den/x.power", text), CONFIG)


def test_nothing_is_missing():
    words = {field.alias or name for name, field in RuleConfig.model_fields.items()} - {"name", "where"}
    for word in {*words, *BEGINNINGS, *FUNCTIONS, "occupied", "weekday", "sunrise", "person.NAME"}:
        assert word in DOCS, word
    for key in ("latitude", "quiet", "webhook", "group", "notify"):
        assert key in HomeConfig.model_fields
        assert key in DOCS
