"""Raw values in our units."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.dialects.units import FACTORS, OF_UNIT, metric_of, scale, value_of
from homestream.errors import PeerError
from homestream.reading import METRICS


@pytest.mark.parametrize(
    ("metric", "raw", "unit", "value"),
    [
        ("temperature", 68, "°F", 20.0),
        ("temperature", 273.15, "K", 0.0),
        ("energy", 1.2, "kWh", 1200.0),
        ("energy", 3600, "J", 1.0),
        ("power", 1.5, "kW", 1500.0),
        ("power", 0.05, "MW", 50_000.0),
        ("power", 1500, "mW", 1.5),
        ("pressure", 101325, "Pa", 1013.25),
        ("pressure", 750, "mmHg", 999.917905),
        ("humidity", 0.4, "/", 40.0),
        ("wind_speed", 36, "km/h", 10.0),
        ("switch", "ON", "", 1.0),
        ("contact", "Closed", "", 0.0),
        ("power", "12.5", "", 12.5),
        ("unheard_of", "on", "", 1.0),
        ("unheard_of", 7, "bananas", 7.0),
    ],
)
def test_values_are_converted(metric: str, raw: Any, unit: str, value: float) -> None:
    assert value_of(metric, raw, unit) == value


@pytest.mark.parametrize("raw", [None, "unavailable", "Unknown", "none", "NaN", float("nan")])
def test_unknown_is_nan(raw: Any) -> None:
    assert math.isnan(value_of("temperature", raw)) and math.isnan(value_of("switch", raw))


@pytest.mark.parametrize(
    ("metric", "raw", "unit", "reason"),
    [
        ("temperature", -100, "", "impossible"),
        ("humidity", 654.36, "", "impossible"),
        ("temperature", "ON", "", "no number"),
        ("temperature", True, "", "no number"),
        ("temperature", 20, "V", "not known"),
        ("switch", 0.5, "", "neither 0 nor 1"),
        ("power", 10**400, "", "no number"),
        ("power", float("inf"), "", "impossible"),
        ("unheard_of", 1e300, "", "impossible"),
        ("power", {}, "", "no number"),
    ],
)
def test_what_cannot_be_is_refused(metric: str, raw: Any, unit: str, reason: str) -> None:
    with pytest.raises(PeerError, match=reason):
        value_of(metric, raw, unit)


@given(
    st.sampled_from(sorted(METRICS)),
    st.none() | st.floats() | st.integers() | st.text() | st.booleans(),
    st.sampled_from(["", "°F", "kWh", "mV", "x"]),
)
def test_a_value_is_possible_unknown_or_refused(metric: str, raw: Any, unit: str) -> None:
    try:
        value = value_of(metric, raw, unit)
    except PeerError:
        return
    _, low, high = METRICS[metric]
    assert math.isnan(value) or low <= value <= high


def test_every_unit_that_names_a_metric_is_one_of_its_units() -> None:
    for unit, metric in OF_UNIT.items():
        assert scale(metric, unit)[0] > 0


def test_every_metric_with_units_has_its_own_among_them() -> None:
    for metric in FACTORS:
        own = METRICS[metric][0]
        assert scale(metric, own) == (1.0, 0.0), metric


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("Temp", "temperature"),
        ("CO2", "carbon_dioxide"),
        ("PM2.5", "pm25"),
        ("Flow Rate", "flow_rate"),
        ("--", ""),
    ],
)
def test_names_become_our_words(name: str, metric: str) -> None:
    assert metric_of(name) == metric


def test_aliases_lead_to_metrics() -> None:
    assert metric_of("door") in METRICS and metric_of("x" * 1000) == "x" * 60
