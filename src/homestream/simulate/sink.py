"""The port behind which readings leave the simulator, and what each target's name means."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from homestream.errors import HomestreamError
from homestream.simulate.devices import Device
from homestream.simulate.faults import Report

#: (home, device, metric, value) -> the new state to report, or None where the device does not obey
Obey = Callable[[str, Device, str, float], Report | None]


class Run(NamedTuple):
    """What a sink has to know of a run: `spacing` is the real time between two reports of a device, ms."""

    homes: Sequence[str]
    devices: Sequence[Device]
    spacing: int
    zone: ZoneInfo
    obey: Obey


class Sink(Protocol):
    """One target. `open` once, `send` in order of time, `close` once; it ends when all that was sent is safe.

    A live sink paces itself by its server's acknowledgements. All errors are HomestreamError.
    """

    #: whether it is a server, to be paced by the clock; else a file, which takes everything
    live: bool
    #: families that are at home here
    families: frozenset[str]

    async def open(self, run: Run) -> None:
        """Connect, and announce the run's devices."""

    async def send(self, home: str, reports: Sequence[Report]) -> None:
        """Send the reports of one home; of each home one send at a time."""

    async def close(self) -> None:
        """Deliver what is still under way, and close."""


def make(target: str) -> Sink:
    """`mqtt://`, `http://`, `coap://`, FILE.csv, FILE.jsonl (or .gz of these) or `-`, else an error."""
    scheme = target.partition("://")[0].lower() if "://" in target else ""
    if scheme in ("mqtt", "tcp"):
        from homestream.simulate.mqtt import MqttSink

        return MqttSink(target)
    if scheme in ("http", "https"):
        from homestream.simulate.http import HttpSink

        return HttpSink(target)
    if scheme == "coap":
        from homestream.simulate.coap import CoapSink

        return CoapSink(target)
    name = target.lower().removesuffix(".gz")
    if not scheme and (name == "-" or name.endswith((".csv", ".jsonl", ".ndjson"))):
        from homestream.simulate.files import FileSink

        return FileSink(target)
    raise HomestreamError(
        f"--to {target!r} is no target; write mqtt://HOST:PORT, http://HOST:PORT, coap://HOST:PORT, "
        "FILE.csv, FILE.jsonl (or .gz of these) or -"
    )


def login(user: str | None, home: int, homes: int) -> str | None:
    """The user of the n-th home: as given for one home, else USER-1, USER-2, ..."""
    return user if user is None or homes == 1 else f"{user}-{home + 1}"
