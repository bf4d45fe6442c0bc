"""Wrong passwords are counted where they come from."""

import pytest

from homestream.door.login.attempts import MAX_WATCHED, WINDOW_S, Attempts, TooManyAttempts


def tire(attempts: Attempts, address: str, name: str, now: float = 0.0) -> None:
    for _ in range(3):
        attempts.begin(address, name, now)
    with pytest.raises(TooManyAttempts):
        attempts.begin(address, name, now)


def test_one_address_and_name_tires_alone_and_rests_after_a_minute() -> None:
    attempts = Attempts(3)
    tire(attempts, "10.0.0.9", "plug")
    attempts.begin("10.0.0.10", "plug", 1.0)
    attempts.begin("10.0.0.9", "lamp", 1.0)
    tire(attempts, "10.0.0.9", "plug", WINDOW_S + 0.1)


def test_a_right_password_wipes_the_slate() -> None:
    attempts = Attempts(3)
    for _ in range(10):
        attempts.begin("10.0.0.9", "plug", 0.0)
        attempts.good("10.0.0.9", "plug")
    tire(attempts, "10.0.0.9", "plug")


def test_the_many_addresses_of_one_ipv6_network_are_one() -> None:
    attempts = Attempts(3)
    for n in range(3):
        attempts.begin(f"2001:db8:0:1::{n}", "plug", 0.0)
    with pytest.raises(TooManyAttempts):
        attempts.begin("2001:db8:0:1:ffff::1", "plug", 0.0)
    attempts.begin("2001:db8:0:2::1", "plug", 0.0)
    tire(attempts, "::ffff:10.0.0.9", "plug")
    attempts.begin("::ffff:10.0.0.8", "plug", 0.0)
    tire(attempts, "?", "plug")


def test_what_is_watched_is_bounded() -> None:
    attempts = Attempts(1)
    attempts.begin("10.0.0.1", "plug", 0.0)
    for n in range(MAX_WATCHED):
        attempts.begin(f"x{n}", "plug", 0.0)
    attempts.begin("10.0.0.1", "plug", 0.0)
