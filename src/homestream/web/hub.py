"""The live hub: from the run loop to every open page, at most 20 frames a second, each encoded once.

A viewer first gets a *snapshot* (the whole picture), then *deltas*: the newest value of each series that
moved, and the facts the page shows. A viewer that falls behind gets a fresh snapshot instead of a backlog.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from homestream.engine import fact
from homestream.engine.fact import AnyFact
from homestream.engine.output import Stored

#: 20 Hz: smoother than the eye asks of numbers, and 50 viewers cost one encoding each 50 ms.
INTERVAL_S = 0.05
#: A quiet home still says that it lives; the page calls itself stale after two of these are missing.
HEARTBEAT_S = 5.0
#: Frames held for a slow viewer: about 3 s at full rate, after which a snapshot is smaller than the backlog.
BACKLOG = 64
#: More facts than this in one frame (a replay, a storm): a snapshot is smaller.
FACTS = 500

#: What the page shows as it happens; a new device changes the picture itself, so it brings a snapshot.
SHOWN = (
    fact.Alert,
    fact.Security,
    fact.Blind,
    fact.Outage,
    fact.Mode,
    fact.Delay,
    fact.Occupancy,
    fact.Command,
)

_encode = msgspec.json.Encoder().encode


class Viewer:
    """One open page's queue of frames."""

    def __init__(self, snapshot: str) -> None:
        """Begin with the whole picture."""
        self._frames = deque([snapshot])
        self._ready = asyncio.Event()
        self._ready.set()

    def offer(self, frame: str) -> bool:
        """Queue a frame; False when the viewer is too far behind."""
        if len(self._frames) >= BACKLOG:
            return False
        self._frames.append(frame)
        self._ready.set()
        return True

    def restart(self, snapshot: str) -> None:
        """Drop what waits; go on from the whole picture."""
        self._frames.clear()
        self._frames.append(snapshot)
        self._ready.set()

    async def next(self) -> str:
        """The next frame, waited for."""
        while not self._frames:
            self._ready.clear()
            await self._ready.wait()
        return self._frames.popleft()


class Hub:
    """Everything here runs on the event loop; `publish` costs a dictionary write a reading."""

    def __init__(self, home: str, view: Callable[[], dict[str, Any]], now: Callable[[], int]) -> None:
        """`view` is the picture of `home`, `now` its clock (ms)."""
        self._home, self._view, self._now = home, view, now
        #: what is wrong with the system itself, in words; "" for nothing
        self.trouble: Callable[[], str] = str
        self._viewers: set[Viewer] = set()
        self._values: dict[tuple[str, str], tuple[int, float]] = {}
        self._facts: list[AnyFact] = []
        self._afresh = False
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._viewers)

    def publish(self, readings: Sequence[Stored], facts: Sequence[tuple[int, AnyFact]]) -> None:
        """Take what one `Engine.apply` made; after that, and only after, `view` may know of it."""
        if not self._viewers:
            return
        for _, (home, device, metric, time, value), late, _ in readings:
            if home != self._home or late:
                continue
            held = self._values.get((device, metric))
            if held is None or held[0] <= time:
                self._values[device, metric] = (time, value)
        for _, one in facts:
            if one.home != self._home:
                continue
            if isinstance(one, SHOWN):
                self._facts.append(one)
            elif isinstance(one, fact.DeviceSeen):
                self._afresh = True
        if self._values or self._facts or self._afresh:
            self._moved.set()

    def join(self) -> Viewer:
        """A new viewer, which has the picture as of now and gets all that follows."""
        self._flush()
        viewer = Viewer(self._snapshot())
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)

    async def run(self) -> None:
        """Send frames until cancelled: at once when something moves, then no sooner than INTERVAL_S again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._moved.wait()
            self._moved.clear()
            self._flush()
            await asyncio.sleep(INTERVAL_S)

    def _flush(self) -> None:
        values, facts, afresh = self._values, self._facts, self._afresh or len(self._facts) > FACTS
        self._values, self._facts, self._afresh = {}, [], False
        if not self._viewers:
            return
        if afresh:
            snapshot = self._snapshot()
            for viewer in self._viewers:
                viewer.restart(snapshot)
            return
        rows = [(device, metric, time, value) for (device, metric), (time, value) in values.items()]
        delta = {"type": "delta", "now": self._now(), "values": rows, "facts": facts}
        frame = _encode({**delta, "trouble": self.trouble()}).decode()
        behind = [viewer for viewer in self._viewers if not viewer.offer(frame)]
        if behind:
            snapshot = self._snapshot()
            for viewer in behind:
                viewer.restart(snapshot)

    def _snapshot(self) -> str:
        return _encode({"type": "view", **self._view(), "trouble": self.trouble()}).decode()
