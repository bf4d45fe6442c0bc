"""OSCORE (RFC 8613): CoAP sealed with a key of each device, kept in the folder `coap/` of the home's.

A folder in that holds one device's context: `settings.json`, which aiocoap reads, with the `name` of the
device in `credentials.toml`, and `sequence.json`, which aiocoap writes. A context must never be copied and
used again, nor put back from a backup: give the device a new one instead.
"""

import json
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiocoap.oscore import FilesystemSecurityContext
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
from aiocoap.resource import Site

from homestream.lake.disk import make_folder, replace

SETTINGS = "settings.json"

#: Bytes of the master secret (as the key of the algorithm, AES-CCM-16-64-128) and of the salt.
SECRET, SALT = 16, 8

#: Our own id, and the bytes of a device's; both as short as can be, for they travel.
OURS, DEVICE_ID = b"", 3

#: Seconds between looks for contexts made since: strangers' ids shall not have us read the disk.
LOOK_S = 1.0

_log = logging.getLogger("homestream.coap")


def add(keys: Path, name: str) -> Mapping[str, str]:
    """Make a context for a device, instead of one it had; returns the settings that the device needs."""
    remove(keys, name)
    device = secrets.token_hex(DEVICE_ID)
    secret = {"secret_hex": secrets.token_hex(SECRET), "salt_hex": secrets.token_hex(SALT)}
    place = keys / device
    make_folder(place)
    place.chmod(0o700)
    ours = {"name": name, **secret, "sender-id_hex": OURS.hex(), "recipient-id_hex": device}
    replace(place / SETTINGS, json.dumps(ours, indent=1).encode())
    return {**secret, "sender-id_hex": device, "recipient-id_hex": OURS.hex()}


def remove(keys: Path, name: str) -> None:
    """Forget a device's context, if it has one."""
    for settings in keys.glob(f"*/{SETTINGS}"):
        try:
            whose = json.loads(settings.read_bytes())["name"]
        except (OSError, ValueError, KeyError):
            continue  # `_look` says what is wrong with it
        if whose == name:
            for file in settings.parent.iterdir():
                file.unlink()
            settings.parent.rmdir()


class Contexts:
    """The contexts of a home's folder, as aiocoap's `OscoreSiteWrapper` asks for them."""

    def __init__(self, keys: Path) -> None:
        """Those in the folder `keys`."""
        self._keys = keys
        self._known: dict[Path, Any] = {}
        self._looked = -LOOK_S

    def find_oscore(self, unprotected: Mapping[int, Any]) -> Any:
        """The context of a sealed message; KeyError where there is none. `authenticated_claims`: the name."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._look()
        for context in self._known.values():
            if (found := context.get_oscore_context_for(unprotected)) is not None:
                return found
        raise KeyError

    def close(self) -> None:
        """Let go of them; each writes down how far it has counted."""
        self._known.clear()

    def _look(self) -> None:
        """Take in what was added, and let go of what was removed, since."""
        self._looked = time.monotonic()
        places = {file.parent: file for file in self._keys.glob(f"*/{SETTINGS}")}
        for gone in self._known.keys() - places.keys():
            self._known.pop(gone).lockfile = None  # else it would write down its count
        for place in places.keys() - self._known.keys():
            try:
                context = FilesystemSecurityContext(str(place))
                context.authenticated_claims = [json.loads(places[place].read_bytes())["name"]]
            except (OSError, ValueError, KeyError) as error:
                _log.error("%s: %r; make it anew with: homestream device add", place, error)
            else:
                self._known[place] = context


def sealed(site: Site, keys: Path) -> OscoreSiteWrapper:
    """The same paths for sealed messages; its `server_credentials` are the `Contexts`."""
    return OscoreSiteWrapper(site, Contexts(keys))
