"""`homestream device`: who may come in, told, added and taken out, also while the home is up."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from homestream.door.login.credentials import Credentials, Principal
from homestream.door.login.snippets import SNIPPETS, Reach, address, key, warning
from homestream.errors import HomestreamError, PeerError
from homestream.homefile import load
from homestream.wire.topics import check_filter

#: The folder of the home that holds the keys of OSCORE, see oscore.py.
KEYS = "coap"

#: A device's name goes into topics, URLs and the consoles of devices as it is.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Added(NamedTuple):
    """A new device's password, what to type into it, and what still keeps it out ("" for nothing)."""

    password: str
    snippet: str
    warning: str


def add(folder: Path, name: str, kind: str = "mqtt", only: Sequence[str] = ()) -> Added:
    """Let a device in, with `only` to the topics that these filters cover; HomestreamError where not."""
    config = load(folder)
    credentials = Credentials.load(folder)
    if not NAME.fullmatch(name):
        raise HomestreamError(f"{name!r} is no device name; take letters, digits, - _ or ., at most 64")
    if name in credentials and credentials[name].role == "admin":
        raise HomestreamError(f"{name} is a person who logs in at the page; take another name")
    for one in only:
        try:
            check_filter(one)
        except PeerError as error:
            raise HomestreamError(f"--only {one!r}: {error}; write it as zigbee2mqtt/#") from None
    filters = only or None
    password = credentials.add(name, config.id, "device", publish=filters, subscribe=filters)
    reach = Reach(address(config.door), config.door, name, password)
    snippet = SNIPPETS[kind](reach)
    if kind == "coap":
        from homestream.door.coap.oscore import (
            add as add_key,  # brings aiocoap's ciphers: only for who uses them
        )

        snippet += key(add_key(folder / KEYS, name))
    return Added(password, snippet, warning(config.door))


def known(folder: Path) -> list[Principal]:
    """All that may come in."""
    load(folder)
    return list(Credentials.load(folder))


def remove(folder: Path, name: str) -> None:
    """Take a device out; where the home is up, its connection is closed within seconds."""
    load(folder)
    credentials = Credentials.load(folder)
    if name not in credentials or credentials[name].role == "admin":
        raise HomestreamError(f"{name} is no device here; homestream device list shows them")
    credentials.remove(name)
    if (folder / KEYS).exists():
        from homestream.door.coap.oscore import remove as remove_key

        remove_key(folder / KEYS, name)
