"""Durable timers of a home: what is to be called when, in one exact order."""

from heapq import heappop, heappush
from typing import Any, Final

#: Later than any clock.
NEVER: Final = 1 << 62


class Timers:
    """One timer a (rank, key), `rank` being the operator's place; ties fall by (due, rank, key)."""

    def __init__(self) -> None:
        """No timers."""
        self._due: dict[tuple[int, str], int] = {}
        self._heap: list[tuple[int, int, str]] = []

    def set(self, due: int, rank: int, key: str) -> None:
        """Fall due at `due`; replaces an earlier setting of the same timer."""
        self._due[rank, key] = due
        heappush(self._heap, (due, rank, key))

    def cancel(self, rank: int, key: str) -> None:
        """Forget a timer, if there is one."""
        self._due.pop((rank, key), None)

    def next(self) -> int:
        """When the first timer falls due, or NEVER."""
        heap = self._heap
        while heap and self._due.get(heap[0][1:]) != heap[0][0]:
            heappop(heap)  # cancelled or set anew
        return heap[0][0] if heap else NEVER

    def pop(self) -> tuple[int, int, str]:
        """Take the first timer; call only when `next` is not NEVER."""
        due, rank, key = heappop(self._heap)
        del self._due[rank, key]
        return due, rank, key

    def snapshot(self) -> Any:
        """Rows of [due, rank, key], in firing order."""
        return sorted([due, rank, key] for (rank, key), due in self._due.items())

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`; what was set before is forgotten."""
        self._due = {(rank, key): due for due, rank, key in state}
        self._heap = [(due, rank, key) for due, rank, key in state]
