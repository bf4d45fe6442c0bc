"""A home, and messages for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from homestream import dialects
from homestream.dialects.registry import Registry
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

#: 2026-01-05T10:00:00Z
ARRIVED = 1_767_607_200_000


def entry(topic: str, payload: Any, items: int = 1, arrived: int = ARRIVED) -> Entry:
    """A message; `payload` is bytes, text, or what is sent as JSON."""
    if isinstance(payload, str):
        payload = payload.encode()
    elif not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Entry(1, Kind.MESSAGE, "home", "mqtt:test", topic, payload, arrived, items)


class Home:
    """A registry with its configuration."""

    def __init__(self, **config: Any) -> None:
        self.config = HomeConfig.model_validate(config)
        self.registry = Registry()

    def decode(self, topic: str, payload: Any, items: int = 1, arrived: int = ARRIVED) -> list[dialects.Row]:
        return dialects.decode(self.registry, self.config, entry(topic, payload, items, arrived))

    def restart(self) -> None:
        """As after a restart: the registry from its snapshot."""
        state = json.loads(json.dumps(self.registry.snapshot()))
        self.registry = Registry.restore(state)


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def new_home() -> Callable[..., Home]:
    return Home


@pytest.fixture
def message() -> Callable[..., Entry]:
    return entry
