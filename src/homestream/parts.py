"""The running parts of one home, and its clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from homestream.door.coap.door import CoapDoor
from homestream.door.intake import Intake
from homestream.door.mqtt.bridge import Bridge
from homestream.door.mqtt.door import MqttDoor
from homestream.door.watch import Watched
from homestream.effects.outbox import Outbox
from homestream.effects.worker import Effects
from homestream.home import HomeConfig
from homestream.lake.writer import Lake
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.notes import Notes
from homestream.pipeline import Pipeline
from homestream.steady import SteadyClock
from homestream.system import System
from homestream.web.deps import Deps
from homestream.web.hub import Hub

#: The only clock; everything behind the log takes its time from the entries.
clock = SteadyClock()


@dataclass(slots=True)
class Parts:
    """A home's running parts, wired."""

    folder: Path
    config: HomeConfig
    log: SqliteLog
    lake: Lake
    pipeline: Pipeline
    committer: Committer
    hub: Hub
    outbox: Outbox
    effects: Effects
    mqtt: MqttDoor
    coap: CoapDoor
    web: Sequence[uvicorn.Server]
    system: System
    watched: list[Watched]
    intake: Intake
    page: Deps
    #: set it to have all that is watched read again
    again: asyncio.Event = field(default_factory=asyncio.Event)
    bridges: tuple[Bridge, ...] = ()
    notes: Notes = field(default_factory=Notes)
    #: what should run on and ended by a mistake of ours: its name -> since when (ms), and the mistake
    stopped: dict[str, tuple[int, BaseException]] = field(default_factory=dict)
