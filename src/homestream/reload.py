"""`home.toml` and `rules/*.toml`, read again when they change while the home runs.

A good change goes through the log, as the first configuration did; rules that did not change keep their
state. A bad one changes nothing, and what is wrong with it is said in the status until it is put right.
"""

import asyncio
import logging
from pathlib import Path

from homestream.engine.rules.ruleset import compile_rules
from homestream.errors import ConfigError, HomestreamError
from homestream.home import HomeConfig
from homestream.homefile import FILE, load
from homestream.log.sqlite import LogError
from homestream.parts import Parts, clock
from homestream.reading import Entry, Kind

#: How often to look, s. A file is read when it is the same twice: an editor may be in the middle of it.
EVERY_S = 1.0

_log = logging.getLogger(__name__)


async def follow(parts: Parts) -> None:
    """Look every `EVERY_S` and take what is new; runs until cancelled."""
    taken, seen = None, _stamps(parts.folder)  # what was read at start may have changed since: look once
    while True:
        await asyncio.sleep(EVERY_S)
        stamps = _stamps(parts.folder)
        if stamps != taken and stamps == seen:
            try:
                await take(parts)
            except LogError as error:  # the disk is full: the next look tries again
                _log.warning("the new configuration cannot be logged: %s", error)
                continue
            taken = stamps
        seen = stamps


async def take(parts: Parts) -> None:
    """Put in force what the home's files say now, or note in one line what is wrong with them."""
    try:
        config = await asyncio.to_thread(_read, parts)
        parts.effects.configure(config)
    except HomestreamError as error:
        parts.notes.problem = f"{error}; what was read before stays in force"
        _log.warning("%s", parts.notes.problem)
        return
    before, parts.notes.problem = parts.config, ""
    if (config.door, config.bridge) != (before.door, before.bridge):
        parts.notes.later = f"{FILE}: [door] and bridges are taken as they are now at the next start"
    parts.config = parts.page.config = config
    await configure(parts)


async def configure(parts: Parts) -> None:
    """Tell the engine, through the log, of a configuration it does not know yet. Secrets stay out."""
    public = parts.config.public()
    home = parts.pipeline.engine.homes.get(public.id)
    if home is None or home.config != public:
        payload = public.model_dump_json(by_alias=True).encode()
        await parts.committer.append([Entry(0, Kind.ACTION, public.id, "run", "configure", payload, clock())])


def _read(parts: Parts) -> HomeConfig:
    config = load(parts.folder)
    if config.id != parts.config.id:
        raise ConfigError(f"{FILE}: id: a home stays {parts.config.id!r}; make another with: homestream init")
    compile_rules(config)
    return config


def _stamps(folder: Path) -> list[tuple[str, int, int, int]]:
    """What tells one state of the files from another; a file that goes away meanwhile is not there."""
    found = []
    for file in (folder / FILE, *sorted(folder.glob("rules/*.toml"))):
        try:
            at = file.stat()
        except OSError:
            continue
        found.append((file.name, at.st_mtime_ns, at.st_size, at.st_ino))
    return found
