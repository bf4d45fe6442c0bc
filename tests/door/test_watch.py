"""Files that change while a home runs."""

import asyncio
import os
from pathlib import Path

import pytest

from homestream.door import watch as module
from homestream.door.watch import Watched, watch
from homestream.errors import ConfigError


async def test_a_changed_file_is_read_again_once_and_all_are_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, until
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.02)
    first, second, read = tmp_path / "first", tmp_path / "second", []

    def broken() -> None:
        read.append("second")
        raise ConfigError("second: nonsense; mend it")

    now = asyncio.Event()
    watched = [Watched([first], lambda: read.append("first")), Watched([second], broken)]
    watching = asyncio.ensure_future(watch(watched, now))
    await asyncio.sleep(0.1)
    assert read == []
    first.write_text("1")
    await until(lambda: read)
    await asyncio.sleep(0.1)
    assert read == ["first"]
    os.replace(first, second)
    await until(lambda: len(read) == 3)
    assert read == ["first", "first", "second"]
    assert "second: nonsense; mend it; what was read before stays in force" in caplog.text
    now.set()
    await until(lambda: len(read) == 5)
    watching.cancel()
