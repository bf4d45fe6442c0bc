import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from homestream.dialects.registry import Device, Registry
from homestream.effects import worker
from homestream.effects.outbox import Outbox
from homestream.effects.worker import Effects
from homestream.errors import ConfigError
from homestream.home import HomeConfig

T = 1_700_000_000_000
Make = Callable[..., Any]


class Home:
    """A home's outbox, its clock, and the MQTT door's way out: a list, which may be told to fail."""

    def __init__(self, path: Path, url: str = "json://127.0.0.1:9/") -> None:
        self.now, self.broken = T, False
        self.published: list[tuple[str, str, bytes]] = []
        self.outbox = Outbox(path)
        registry = Registry()
        registry.devices["laundry/iron"] = Device(
            "laundry/iron", "laundry", "Iron", "plain", ["switch"],
            {"switch": "home/laundry/iron/switch/set"},
        )  # fmt: skip
        registry.devices["hall/door"] = Device("hall/door", "hall", "Door", "plain", ["contact"])
        config = HomeConfig(notify={"phone": url})
        self.effects = Effects(self.outbox, config, {"home": registry}.get, self.publish, lambda: self.now)

    async def publish(self, home: str, topic: str, payload: bytes, *, qos: int) -> None:
        assert qos == 1
        if self.broken:
            raise OSError("door closed")
        self.published.append((home, topic, payload))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.effects.run())
        yield
        self.effects.stop()
        await asyncio.wait_for(task, 10)

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(500):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never: {self.outbox.recent()}")

    async def ends(self, state: str) -> str:
        await self.until(lambda: self.outbox.counts()[state] == 1)
        return self.outbox.recent()[0].reason


@pytest.fixture
def home(tmp_path: Path, service: Any, monkeypatch: pytest.MonkeyPatch) -> Home:
    # The tests move the clock by hand; the worker is to look at it often.
    monkeypatch.setattr(worker, "NAP_MS", 10)
    return Home(tmp_path / "outbox.db", service.url)


async def test_a_notification_is_delivered_exactly_once(home: Home, service: Any, notify: Make) -> None:
    async with home.running():
        home.effects.add([(1, notify())])
        home.effects.add([(1, notify())])
        await home.ends("sent")
    assert [got["title"] for got in service.got] == ["Iron left on"]


async def test_what_was_owed_before_the_start_is_sent(home: Home, service: Any, notify: Make) -> None:
    home.effects.add([(1, notify("a")), (2, notify("b"))])
    async with home.running():
        await home.until(lambda: home.outbox.counts()["sent"] == 2)
    assert [got["title"] for got in service.got] == ["Iron left on: 2 alerts"]


async def test_too_old_at_its_turn_is_suppressed_and_silent(home: Home, service: Any, notify: Make) -> None:
    home.now = T + 60_001
    async with home.running():
        home.effects.add([(1, notify())])
        assert await home.ends("suppressed") == "its time had passed"
    assert service.got == []


async def test_a_failing_service_is_tried_again(home: Home, service: Any, notify: Make) -> None:
    service.status = 503
    async with home.running():
        home.effects.add([(1, notify())])
        await home.until(lambda: home.outbox.recent()[0].tries == 1)
        assert home.outbox.recent()[0].due == T + 1_000
        service.status = 200
        home.now += 1_000
        await home.ends("sent")
    assert len(service.got) == 2


async def test_a_service_down_for_too_long_ends_expired(home: Home, service: Any, notify: Make) -> None:
    service.status = 503
    async with home.running():
        home.effects.add([(1, notify())])
        await home.until(lambda: home.outbox.recent()[0].tries == 1)
        home.now += 60_001
        assert await home.ends("expired") == "the service did not take it"


async def test_the_first_goes_at_once_and_what_comes_soon_after_goes_together(
    home: Home, service: Any, notify: Make
) -> None:
    async with home.running():
        home.effects.add([(1, notify("a", text="A"))])
        await home.until(lambda: len(service.got) == 1)
        for number, name in enumerate("bcd"):
            home.now += 1_000
            home.effects.add([(2 + number, notify(name, text=name.upper(), time=home.now))])
        await asyncio.sleep(0.1)
        assert len(service.got) == 1
        home.now = T + worker.GATHER_MS
        await home.until(lambda: home.outbox.counts()["sent"] == 4)
    assert [got["message"] for got in service.got] == ["A", "B\nC\nD"]


async def test_what_is_critical_waits_for_nothing_and_targets_do_not_wait_for_each_other(
    home: Home, service: Any, notify: Make
) -> None:
    async with home.running():
        home.effects.add([(1, notify("a", text="A"))])
        await home.until(lambda: len(service.got) == 1)
        home.effects.add([(2, notify("b", text="B")), (3, notify("c", text="C", severity="critical"))])
        await home.until(lambda: len(service.got) == 2)
    assert "C" in service.got[1]["message"]


async def test_quiet_hours_are_waited_for_and_then_there_is_time_to_act(
    home: Home, service: Any, notify: Make
) -> None:
    later = T + 8 * 3_600_000
    async with home.running():
        home.effects.add([(1, notify("a", text="A", after=later)), (2, notify("b", text="B", after=later))])
        home.now = later - 1
        await asyncio.sleep(0.1)
        assert service.got == []
        home.now = later + 20_000
        await home.until(lambda: home.outbox.counts()["sent"] == 2)
    assert [got["message"] for got in service.got] == ["A\nB"]


async def test_other_targets_are_taken_while_it_runs_and_bad_ones_are_not(
    home: Home, service: Any, notify: Make
) -> None:
    async with home.running():
        home.effects.configure(HomeConfig(notify={"tablet": service.url}))
        with pytest.raises(ConfigError):
            home.effects.configure(HomeConfig(notify={"tablet": "nonsense"}))
        home.effects.add([(1, notify(target="tablet"))])
        await home.ends("sent")


async def test_a_webhook_is_posted_tried_again_and_recorded(home: Home, service: Any, webhook: Make) -> None:
    url = service.url.replace("json:", "http:")
    home.effects.configure(HomeConfig(webhook={"hub": url}))
    service.status = 503
    async with home.running():
        home.effects.add([(1, webhook())])
        await home.until(lambda: home.outbox.recent()[0].tries == 1)
        assert home.outbox.recent()[0].reason == "the service answered 503"
        service.status = 204
        home.now += 1_000
        await home.ends("sent")
        service.status = 401
        home.effects.add([(2, webhook("other"))])
        assert await home.ends("failed") == "the service answered 401"
    assert [got["id"] for got in service.got] == ["w1", "w1", "other"]


async def test_a_command_goes_out_until_the_device_confirms(home: Home, command: Make) -> None:
    async with home.running():
        home.effects.add([(1, command())])
        await home.until(lambda: len(home.published) == 1)
        assert home.published == [("home", "home/laundry/iron/switch/set", b"OFF")]
        home.now += 3_000
        await home.until(lambda: len(home.published) == 2)
        home.effects.add([(9, command("confirmed"))])
        home.now += 3_000
        assert await home.ends("sent") == "confirmed"
        await asyncio.sleep(0.05)
    assert len(home.published) == 2


async def test_a_silent_device_gets_three_tries_and_then_no_answer(home: Home, command: Make) -> None:
    async with home.running():
        home.effects.add([(1, command())])
        for tries in range(1, 4):
            await home.until(lambda tries=tries: home.outbox.recent()[0].tries == tries)
            home.now += 3_000
        await asyncio.sleep(0.05)
        assert home.outbox.counts()["owed"] == 1
        home.now = T + 30_000
        assert await home.ends("expired") == "no answer"
    assert len(home.published) == 3


async def test_a_closed_door_is_tried_again(home: Home, command: Make) -> None:
    home.broken = True
    async with home.running():
        home.effects.add([(1, command())])
        await home.until(lambda: home.outbox.recent()[0].reason == "door closed")
        assert home.published == []
        home.broken = False
        home.now += 3_000
        await home.until(lambda: len(home.published) == 1)
    assert len(home.published) == 1


@pytest.mark.parametrize("device", ["hall/door", "attic/ghost"])
async def test_a_device_that_cannot_be_told_fails_with_the_reason(
    home: Home, command: Make, device: str
) -> None:
    async with home.running():
        home.effects.add([(1, command(device=device))])
        assert device in await home.ends("failed")
    assert home.published == []


async def test_a_failing_disk_does_not_send_twice(
    home: Home, service: Any, notify: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.effects.add([(1, notify())])
    home.outbox._db.execute("PRAGMA query_only = ON")
    async with home.running():
        await home.until(lambda: len(service.got) == 1)
        await asyncio.sleep(0.1)
        home.outbox._db.execute("PRAGMA query_only = OFF")
        await home.ends("sent")
    assert len(service.got) == 1


CRASH = """
import os, signal, sys
from pathlib import Path
from homestream.effects.outbox import Outbox
from homestream.engine.fact import Notify

fact = Notify(home="home", time=int(sys.argv[2]), id="n1", target="phone", title="Door opened", text="",
              severity="critical", act_within=60_000)
Outbox(Path(sys.argv[1])).add([(7, fact)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.crash
async def test_killed_between_owing_and_sending_it_is_sent_once_after_the_restart(
    tmp_path: Path, service: Any, notify: Make
) -> None:
    path = tmp_path / "outbox.db"
    killed = subprocess.run([sys.executable, "-c", CRASH, str(path), str(T)], timeout=30, check=False)
    assert killed.returncode == -signal.SIGKILL
    home = Home(path, service.url)
    # The replay after the crash makes the same fact again.
    home.effects.add([(7, notify(title="Door opened", text="", severity="critical"))])
    assert home.outbox.counts()["owed"] == 1
    async with home.running():
        await home.ends("sent")
    assert [got["title"] for got in service.got] == ["Door opened"]
