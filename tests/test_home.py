import re
from pathlib import Path

import pytest

from homestream.errors import ConfigError
from homestream.homefile import parse

METERS = """
[[device]]
id = "meter"
mains = true

[[device]]
id = "kitchen/circuit"
parent = "meter"
"""


def error(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_meter_tree_may_be_deep() -> None:
    config = parse(METERS + '[[device]]\nid = "oven"\nparent = "kitchen/circuit"\n')
    assert [device.parent for device in config.device] == ["", "meter", "kitchen/circuit"]
    assert parse('[[device]]\nid = "oven"\nparent = "house/mains"\n').mains == ("house/mains",)


def test_a_parent_that_is_unknown_is_named_with_the_nearest_known() -> None:
    text = METERS + '[[device]]\nid = "oven"\nparent = "kitchen/circiut"\n'
    assert error(text) == (
        "home.toml:2: device: 'oven' hangs under 'kitchen/circiut', which is unknown; "
        "did you mean 'kitchen/circuit'?"
    )


def test_meters_in_a_circle_are_refused() -> None:
    text = "".join(f'[[device]]\nid = "{a}"\nparent = "{b}"\n' for a, b in ("ab", "bc", "ca"))
    assert "meters hang in a circle: a under b under c under a; cut one parent" in error(text)


def test_mains_hang_under_nothing() -> None:
    text = METERS + '[[device]]\nid = "l2"\nmains = true\nparent = "meter"\n'
    assert "'l2' is mains and so hangs under nothing" in error(text)


def test_a_tariff_may_be_flat_by_time_of_use_or_a_series() -> None:
    tariff = parse("""
        [tariff]
        per_kwh = 0.31
        price = "grid/price.price"
        export_per_kwh = 0.08
        standing_per_day = 0.4
        [[tariff.band]]
        from = "22:00"
        to = "06:00"
        per_kwh = 0.21
        days = ["sat", "sun"]
    """).tariff
    assert tariff.band[0].begin == "22:00"
    assert tariff.band[0].per_kwh == 0.21
    assert parse("[tariff]\nper_kwh = 0.2\n").tariff.band == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('price = "grid"', "'grid' is no series; write DEVICE.METRIC"),
        ('band = [{ per_kwh = 0.2, from = "25:00" }]', "'25:00' is no time of day; write it as 22:00"),
        ('band = [{ per_kwh = 0.2, days = ["sunday"] }]', "'sun'"),
        ("standing_per_day = -1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_tariff_is_said_in_one_line(line: str, said: str) -> None:
    assert said in error(f"[tariff]\n{line}\n")


def test_what_docs_say_of_energy_can_be_written() -> None:
    text = (Path(__file__).parents[1] / "docs" / "energy.md").read_text(encoding="utf-8")
    meters, tariff = (parse(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL))
    assert [device.id for device in meters.device if device.produces] == ["roof/inverter"]
    assert tariff.tariff.band[0].end == "06:00"
