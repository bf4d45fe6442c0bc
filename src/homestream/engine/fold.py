"""The engine: a fold over the log. Entries in, readings and facts out, nothing else, ever."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import zstandard

from homestream.dialects import decode
from homestream.dialects.registry import Registry
from homestream.engine.home import HomeFold
from homestream.engine.operator import Operator
from homestream.engine.operators import operators as all_operators
from homestream.engine.output import Account, Output, rejected
from homestream.engine.retained import recognise
from homestream.engine.series import Series
from homestream.engine.upgrade import VERSION, SnapshotError, upgraded
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

MESSAGE, TICK, ACTION, REFUSED = Kind.MESSAGE, Kind.TICK, Kind.ACTION, Kind.REFUSED
RETAINED = Kind.RETAINED
MESSAGES = MESSAGE, RETAINED

#: Sources are principals, or addresses of peers that were refused; beyond this they share one account.
MAX_SOURCES = 1_000
OTHERS = "other"

#: 24 h of 200 busy series compress to a few MB; levels above save little and cost much.
LEVEL = 1


class Frozen:
    """An engine's state at one entry, copied; it changes no more, so any thread may encode it."""

    def __init__(self, state: dict[str, Any]) -> None:
        """Builtins, but for the series."""
        self._state = state

    def encode(self) -> bytes:
        """The snapshot; a full home takes half a second, in which other threads go on."""
        data = msgspec.msgpack.encode(self._state, enc_hook=Series.snapshot)
        return zstandard.ZstdCompressor(level=LEVEL).compress(data)


class Engine:
    """All homes of a log. `apply` in any cut of the entries gives the same output, concatenated."""

    def __init__(
        self, operators: Callable[[], list[Operator]] = all_operators, *, windows: bool = True
    ) -> None:
        """An engine that has seen nothing; `operators` makes a home's operators, in their fixed order.

        Without `windows` nothing is rolled up, see `HomeFold`.
        """
        self.last_seq = 0
        self.homes: dict[str, HomeFold] = {}
        self._operators, self._windows = operators, windows
        self._accounts: dict[tuple[str, str], Account] = {}

    def apply(self, entries: Sequence[Entry]) -> Output:
        """Fold `entries`, in order of seq; those up to `last_seq` have been and are left out."""
        out = Output()
        here = whose = None
        for entry in entries:
            seq, kind, name, source, topic, _, _, items = entry
            if seq <= self.last_seq:
                continue
            self.last_seq = seq
            try:
                if kind in MESSAGES:
                    if name != here or source != whose:  # mostly they are those of the entry before
                        home = self.homes.get(name) or self._settle(name)
                        stage, account = home.stage, self._account(entry)
                        here, whose = name, source
                    rows = decode(stage.registry, stage.config, entry)
                    if kind == RETAINED:
                        rows = recognise(stage.table, rows, entry.arrived)
                    home.step(entry, rows, account, out)
                    if stage.facts:
                        _take(home, seq, out)
                elif kind == TICK:
                    for ticked in self._ticked(name):
                        ticked.tick(entry)
                        if ticked.stage.facts:
                            _take(ticked, seq, out)
                elif kind == ACTION:
                    acted = self.homes.get(name) or self._settle(name)
                    acted.act(entry, out)
                    _take(acted, seq, out)
                elif kind == REFUSED:
                    refused = self._account(entry)
                    refused.received += items
                    refused.rejected += items
                    out.rejected.append(rejected(entry, 0, topic))
            except Exception as bug:
                # One entry that we cannot judge must not stop a home for good, now and in each replay.
                self._mistake(entry, bug, out)
        return out

    def accounts(self) -> dict[tuple[str, str], Account]:
        """The books, by (home, source)."""
        return dict(self._accounts)

    def registry(self, home: str) -> Registry:
        """A home's devices; empty where nothing came of that home yet."""
        return self._look(home).registry

    def view(self, home: str) -> dict[str, Any]:
        """The page's picture of a home, see `HomeFold.view`."""
        return self._look(home).view()

    def now(self, home: str) -> int:
        """A home's clock, ms; 0 where nothing came of that home yet."""
        return self._look(home).now

    def digest(self) -> str:
        """SHA-256 (hex) over every home's name and the digest of all its facts; two equal runs agree."""
        return combine({name: home.stage.digest for name, home in self.homes.items()})

    def freeze(self) -> "Frozen":
        """All state as it is now; a full home (24 h of 180 series every 5 s) takes tens of ms."""
        return Frozen(
            {
                "version": VERSION,
                "last_seq": self.last_seq,
                "accounts": [
                    [home, source, _figures(account)] for (home, source), account in self._accounts.items()
                ],
                "homes": [home.freeze() for home in self.homes.values()],
            }
        )

    def snapshot(self) -> bytes:
        """All state; `restore` of it and the entries after `last_seq` give what never stopping gives."""
        return self.freeze().encode()

    @classmethod
    def restore(cls, data: bytes, operators: Callable[[], list[Operator]] = all_operators) -> "Engine":
        """The inverse of `snapshot`; `SnapshotError` for what cannot be read."""
        try:
            state = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise SnapshotError(f"the snapshot is damaged ({error}); replay the log without it") from None
        engine = cls(operators)
        try:
            state = upgraded(state)
            engine.last_seq = state["last_seq"]
            for home, source, figures in state["accounts"]:
                engine._accounts[home, source] = Account(*figures)
            for row in state["homes"]:
                engine.homes[row["home"]] = HomeFold.restore(row, operators())
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SnapshotError(f"the snapshot is of another program ({error!r}); replay the log") from None
        return engine

    def _mistake(self, entry: Entry, bug: Exception, out: Output) -> None:
        """Keep an entry that met a mistake of ours with the refused, and the books equal."""
        out.rejected.append(rejected(entry, 0, f"internal error: {type(bug).__name__}"))
        if entry.kind in MESSAGES:
            account = self._account(entry)
            open_items = account.received - account.stored - account.duplicate - account.rejected
            if not open_items:
                account.received += entry.items
                open_items = entry.items
            account.rejected += open_items
        for home in self.homes.values():
            _take(home, entry.seq, out)

    def _look(self, home: str) -> HomeFold:
        """A home as it is; where nothing came of it, empty and not kept (only the log changes state)."""
        return self.homes.get(home) or HomeFold(home, _default(home), self._operators())

    def _settle(self, home: str) -> HomeFold:
        """A home heard of for the first time; a `configure` action tells more of it."""
        fold = HomeFold(home, _default(home), self._operators(), windows=self._windows)
        self.homes[home] = fold
        return fold

    def _ticked(self, home: str) -> list[HomeFold]:
        """Whom a tick concerns: one home, or with "" all."""
        if not home:
            return list(self.homes.values())
        return [self.homes.get(home) or self._settle(home)]

    def _account(self, entry: Entry) -> Account:
        key = (entry.home, entry.source)
        if key not in self._accounts and len(self._accounts) >= MAX_SOURCES:
            key = (entry.home, OTHERS)
        return self._accounts.setdefault(key, Account())


def combine(digests: Mapping[str, bytes]) -> str:
    """Home -> the digest of all its facts, for every home of a log; the digest of that log, hex."""
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(msgspec.json.encode([name, digests[name].hex()]))
    return whole.hexdigest()


def _default(home: str) -> HomeConfig:
    return HomeConfig(id=home or "home")


def _take(home: HomeFold, seq: int, out: Output) -> None:
    """Move the facts a home has concluded to the output."""
    out.facts += [(seq, fact) for fact in home.stage.facts]
    home.stage.facts.clear()


def _figures(account: Account) -> tuple[int, ...]:
    return account.received, account.stored, account.duplicate, account.rejected, account.late
