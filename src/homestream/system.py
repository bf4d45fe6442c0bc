"""The running system's own measures: latency, rates and sizes, as `status`, page and report show them."""

import fcntl
import gc
import json
import os
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

from homestream.engine.output import Account
from homestream.errors import HomestreamError

STATUS = "status.json"

#: Held by the process that runs the home.
LOCK = ".lock"

#: A status of a running home is written every 5 s; an older one is of a home that stopped, or cannot write.
STALE_MS = 15_000

#: Upper bounds of the latency histogram's cells, ms: a percentile is exact to the cell, within 20 %.
CELLS_MS = tuple(round(0.1 * 1.2**n, 3) for n in range(80))

#: Objects made, less those gone, before Python looks for rings of garbage among them. Messages make no rings;
#: at its own 700, looking took a seventh of the door's time with 1,000 clients.
YOUNG = 10_000


def spare_collector() -> None:
    """Let the garbage collector leave alone what is there by now, and look at what is new more seldom."""
    gc.freeze()
    gc.set_threshold(YOUNG)


class Latency:
    """A histogram of milliseconds; the memory it takes never grows."""

    def __init__(self) -> None:
        """Empty."""
        self.counts = [0] * (len(CELLS_MS) + 1)
        self.total = 0

    def add(self, ms: float, times: int = 1) -> None:
        """Count `times` messages that took `ms`."""
        low, high = 0, len(CELLS_MS)
        while low < high:
            middle = (low + high) // 2
            if CELLS_MS[middle] < ms:
                low = middle + 1
            else:
                high = middle
        self.counts[low] += times
        self.total += times

    def percentile(self, share: float) -> float | None:
        """The ms that `share` (0 to 1) of the messages stayed within; None before the first."""
        if not self.total:
            return None
        seen, wanted = 0, share * self.total
        for bound, count in zip(CELLS_MS, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound
        return CELLS_MS[-1]


def total(accounts: Iterable[Account]) -> Account:
    """The sum of accounts; it adds up where they do."""
    rows = [astuple(account) for account in accounts]
    return Account(*map(sum, zip(*rows, strict=True))) if rows else Account()


@dataclass(slots=True)
class System:
    """Running measures of one `up`. Latency is from arrival at the door to facts known, after fsync.

    The door records arrival in whole milliseconds, so a latency reads up to 1 ms too long, never too short.
    """

    started: int
    whole: Latency = field(default_factory=Latency)
    minute: Latency = field(default_factory=Latency)
    #: (time ms, received) of the last minute, for the rate
    seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=13))
    #: the books at the last row, and when that was, ms; set once what the log held is known
    books: Account = field(default_factory=Account)
    counted: int = 0

    def measured(self, ms: float, times: int) -> None:
        """A batch of `times` messages, the oldest of which took `ms`."""
        self.whole.add(ms, times)
        self.minute.add(ms, times)

    def sample(self, now: int, received: int) -> None:
        """Note how much has come by `now` (ms); every 5 s, for the rate."""
        self.seen.append((now, received))

    @property
    def rate(self) -> float:
        """Messages a second over the last minute; 0 before two samples."""
        if len(self.seen) < 2:
            return 0.0
        (then, before), (last, after) = self.seen[0], self.seen[-1]
        return (after - before) * 1000 / (last - then) if last > then else 0.0

    def begin(self, now: int, books: Account) -> None:
        """Count from here; what a home received before this start is in earlier rows."""
        self.counted, self.books = now, books

    def row(self, now: int, books: Account, sizes: dict[str, int], lag: int) -> dict[str, Any]:
        """One row for the lake's `system` table: what came since the row before."""
        since = Account(*(now - then for now, then in zip(astuple(books), astuple(self.books), strict=True)))
        seconds = (now - self.counted) / 1000
        latency, self.minute = self.minute, Latency()
        self.begin(now, books)
        row = {
            "time": now,
            **asdict(since),
            "p50_ms": latency.percentile(0.5),
            "p99_ms": latency.percentile(0.99),
            "rate": since.received / seconds if seconds > 0 else 0.0,
        }
        return {**row, "lag": lag, **sizes}


def rss_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Replace `status.json` whole, so that a reader never sees half of one."""
    draft = folder / (STATUS + ".new")
    draft.write_text(json.dumps(status), encoding="utf-8")
    draft.replace(folder / STATUS)


def read_status(folder: Path) -> dict[str, Any]:
    """What the running (or last) `up` of this home wrote; `running` says which, by its age."""
    try:
        status: dict[str, Any] = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HomestreamError(f"{folder} has not run yet; start it: homestream up --home {folder}") from None
    except ValueError:  # the power failed before its bytes were on disk
        raise HomestreamError(
            f"{folder / STATUS} is damaged; a running home writes it anew: homestream up --home {folder}"
        ) from None
    young = time.time() * 1000 - status["time"] < STALE_MS
    if status["running"] and not young and held(folder):
        since = {"what": "folder", "since": status["time"]}
        text = "The home runs, but its folder cannot be written; check the disk's room."
        status["troubles"] = [{**since, "text": text}, *status.get("troubles", [])]
    else:
        status["running"] = status["running"] and young
    return status


def held(folder: Path) -> bool:
    """Whether an `up` of any process has the home now."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
