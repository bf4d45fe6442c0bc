"""The running system's own measures: latency, rates and sizes, as `status`, page and report show them."""

import json
import os
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from homestream.engine.output import Account
from homestream.errors import HomestreamError

STATUS = "status.json"

#: Upper bounds of the latency histogram's cells, ms: a percentile is exact to the cell, within 20 %.
CELLS_MS = tuple(round(0.1 * 1.2**n, 3) for n in range(80))


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


@dataclass(slots=True)
class Books:
    """Accounts summed over sources."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    late: int = 0

    @classmethod
    def of(cls, accounts: dict[tuple[str, str], Account]) -> "Books":
        """The sum of all accounts."""
        books = cls()
        for account in accounts.values():
            books.received += account.received
            books.stored += account.stored
            books.duplicate += account.duplicate
            books.rejected += account.rejected
            books.late += account.late
        return books

    def minus(self, earlier: "Books") -> "Books":
        """What came since `earlier`."""
        return Books(
            self.received - earlier.received,
            self.stored - earlier.stored,
            self.duplicate - earlier.duplicate,
            self.rejected - earlier.rejected,
            self.late - earlier.late,
        )


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
    minute_books: Books = field(default_factory=Books)

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

    def row(self, now: int, books: Books, sizes: dict[str, int], lag: int) -> dict[str, Any]:
        """One minute's row for the lake's `system` table; begins the next minute."""
        since, self.minute_books = books.minus(self.minute_books), books
        latency, self.minute = self.minute, Latency()
        row = {
            "time": now,
            **asdict(since),
            "p50_ms": latency.percentile(0.5),
            "p99_ms": latency.percentile(0.99),
        }
        return {**row, "rate": since.received / 60, "lag": lag, **sizes}


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
    status["running"] = status["running"] and time.time() * 1000 - status["time"] < 15_000
    return status
