"""Readings into a file or to stdout, one a line: CSV with a header, or JSON Lines; either may be gzipped.

    home,device,metric,time,value,unit,room
    home,kitchen/climate,temperature,2026-01-05T00:00:00.774Z,20.41,°C,kitchen

`homestream etl` reads both. The same readings make the same bytes, gzipped or not.
"""

import gzip
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from homestream.errors import HomestreamError
from homestream.reading import METRICS
from homestream.simulate.devices import Device
from homestream.simulate.faults import Report
from homestream.simulate.sink import Run

HEADER = "home,device,metric,time,value,unit,room\n"


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class FileSink:
    """Lines into `target`; its folder is made."""

    live = False
    families: frozenset[str] = frozenset()

    def __init__(self, target: str) -> None:
        self._target = target
        self._csv = target.lower().removesuffix(".gz").endswith(".csv")
        self._out: IO[bytes] = sys.stdout.buffer
        self._file: IO[bytes] | None = None
        self._second, self._text = -1, ""
        self._forms: dict[tuple[str, str], list[tuple[str, str]]] = {}

    async def open(self, run: Run) -> None:
        """Make the file; HomestreamError where that cannot be."""
        if self._target != "-":
            path = Path(self._target)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._out = path.open("wb")
            except OSError as error:
                raise HomestreamError(f"{path}: {error.strerror}; choose another --to") from None
            if path.suffix.lower() == ".gz":
                # no name and no time in the header: the same readings make the same bytes
                self._out = cast(IO[bytes], gzip.GzipFile("", "wb", 3, self._file, mtime=0))
        if self._csv:
            self._out.write(HEADER.encode())

    async def send(self, home: str, reports: Sequence[Report]) -> None:
        """Write one line a reading."""
        lines = []
        middle = "," if self._csv else '","value":'
        for device, time, values in reports:
            form = self._forms.get((home, device.id)) or self._form(home, device)
            start = self._stamp(time) + middle
            lines += [f"{a}{start}{float(v)!r}{b}" for (a, b), v in zip(form, values, strict=True)]
        self._out.write("".join(lines).encode())

    async def close(self) -> None:
        """Flush and close; stdout stays open."""
        self._out.flush()
        if self._file is not None:
            self._out.close()
            self._file.close()

    def _form(self, home: str, device: Device) -> list[tuple[str, str]]:
        """For each metric of a device, what stands before the time and after the value."""
        form = []
        for metric in device.metrics:
            unit = METRICS[metric][0]
            if self._csv:
                form.append((f"{home},{device.id},{metric},", f",{unit},{device.room}\n"))
            else:
                head = _encode({"home": home, "device": device.id, "metric": metric})
                tail = _encode({"unit": unit, "room": device.room})
                form.append((head[:-1] + ',"time":"', "," + tail[1:] + "\n"))
        self._forms[home, device.id] = form
        return form

    def _stamp(self, time: int) -> str:
        second, ms = divmod(time, 1000)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).isoformat()[:19]
        return f"{self._text}.{ms:03d}Z"
