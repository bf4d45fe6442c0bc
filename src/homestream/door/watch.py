"""Files that may change while a home runs, as credentials and certificates do: read again when they did."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from homestream.errors import HomestreamError

#: Seconds between looks: a device that was taken out is gone within them.
EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Watched(NamedTuple):
    """Files and what to do when one of them changed; a `HomestreamError` of it is said in one line."""

    files: Sequence[Path]
    reload: Callable[[], None]


async def watch(watched: Sequence[Watched], now: asyncio.Event) -> None:
    """Look every `EVERY_S`, and read all again whenever `now` is set (as by SIGHUP); runs until cancelled."""
    seen = [_stamps(one.files) for one in watched]
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(now.wait(), EVERY_S)
        asked = now.is_set()
        now.clear()
        for n, one in enumerate(watched):
            if (stamps := _stamps(one.files)) == seen[n] and not asked:
                continue
            seen[n] = stamps
            try:
                one.reload()
            except HomestreamError as error:
                _log.warning("%s; what was read before stays in force", error)


def _stamps(files: Sequence[Path]) -> list[tuple[int, ...] | None]:
    return [_stamp(file) for file in files]


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        now = file.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
