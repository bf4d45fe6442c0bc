"""The running system's own measures."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.output import Account
from homestream.errors import HomestreamError
from homestream.system import CELLS_MS, Latency, System, read_status, total, write_status

milliseconds = st.floats(0.01, CELLS_MS[-1])


@given(st.lists(milliseconds, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_never_below_the_true_one_and_within_a_cell_of_it(
    times: list[float], share: float
) -> None:
    latency = Latency()
    for ms in times:
        latency.add(ms)
    true = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
    found = latency.percentile(share)
    assert found is not None
    assert true <= found <= max(true * 1.201, CELLS_MS[0])


def test_nothing_measured_is_none() -> None:
    assert Latency().percentile(0.5) is None


def test_a_row_holds_what_came_since_the_one_before() -> None:
    system = System(started=0)
    system.begin(1_000, Account(received=100, stored=90, duplicate=10))
    system.measured(2.0, 5)
    row = system.row(61_000, Account(received=160, stored=149, duplicate=10, rejected=1), {"log_bytes": 7}, 3)
    assert (row["received"], row["stored"], row["duplicate"], row["rejected"]) == (60, 59, 0, 1)
    assert row["rate"] == 1.0
    assert row["log_bytes"] == 7
    assert row["lag"] == 3
    assert row["p50_ms"] is not None
    after = system.row(62_000, Account(received=160, stored=149, duplicate=10, rejected=1), {}, 0)
    assert after["received"] == 0
    assert after["p50_ms"] is None


def test_the_rate_is_of_the_last_minute() -> None:
    system = System(started=0)
    assert system.rate == 0.0
    for n in range(30):
        system.sample(n * 5_000, n * n)
    first, last = system.seen[0], system.seen[-1]
    assert last[0] - first[0] == 60_000
    assert system.rate == (last[1] - first[1]) / 60


def test_the_sum_of_accounts_adds_up() -> None:
    whole = total([Account(3, 1, 1, 1, 0), Account(5, 5, 0, 0, 2)])
    assert whole == Account(8, 6, 1, 1, 2)
    assert total([]) == Account()


def test_status_is_read_as_written_and_old_means_stopped(tmp_path: Path) -> None:
    write_status(tmp_path, {"running": True, "time": 0, "rate": 1.5})
    assert read_status(tmp_path) == {"running": False, "time": 0, "rate": 1.5}
    with pytest.raises(HomestreamError, match="has not run yet"):
        read_status(tmp_path / "elsewhere")
