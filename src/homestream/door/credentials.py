"""Who may come in: names, homes, roles and argon2 hashes in `credentials.toml` (mode 0600).

argon2 is slow on purpose (tens of ms, 64 MiB). What it has said yes to is remembered, for this process, by
a keyed hash, so that a device that reconnects or posts each second costs it once; the hot path never waits.
"""

import asyncio
import hashlib
import json
import os
import secrets
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from homestream.errors import ConfigError, PeerError

FILE = "credentials.toml"

#: Wrong passwords a (address, name) may offer in `ATTEMPTS_WINDOW` seconds; unknown names share one.
MAX_ATTEMPTS = 10
ATTEMPTS_WINDOW = 60.0

#: (address, name) pairs watched at once; the oldest is forgotten.
MAX_WATCHED = 10_000

#: A longer password is nobody's; hashing it would only cost.
MAX_PASSWORD = 1024

Role = Literal["admin", "device"]


class Principal(NamedTuple):
    """Somebody known: a person (`admin`) or a device, in one home; see `acl` for what the filters allow."""

    name: str
    home: str
    role: Role
    publish: tuple[str, ...] | None = None
    subscribe: tuple[str, ...] | None = None


class TooManyAttempts(PeerError):
    """Too many wrong passwords came from there; `str(error)` says to wait."""


class Credentials:
    """The principals of one home's folder."""

    def __init__(self, path: Path | None = None) -> None:
        """Nobody; `add` writes to `path` where one is given."""
        self._path = path
        self._known: dict[str, tuple[Principal, str]] = {}
        self._hasher = PasswordHasher()
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, Principal] = {}
        self._failures: dict[tuple[str, str], list[float]] = {}
        # One thread: logins queue for argon2 rather than take all cores and memory from the readings.
        self._worker = ThreadPoolExecutor(1, "argon2")

    @classmethod
    def load(cls, folder: Path) -> "Credentials":
        """Read `credentials.toml`; a missing file is nobody, a damaged one a `ConfigError`."""
        credentials = cls(folder / FILE)
        try:
            raw = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
            for name, row in raw.items():
                if row["role"] not in ("admin", "device"):
                    raise ValueError(f"role of {name!r} is neither admin nor device")
                credentials._known[name] = Principal(name, row["home"], row["role"]), row["hash"]
        except FileNotFoundError:
            pass
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{folder / FILE}: {error}; mend it, or move it away and add again") from None
        return credentials

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def add(self, name: str, home: str, role: Role, password: str | None = None) -> str:
        """Make (or replace) a principal, save, and return its password, made here where none is given."""
        if not name.isprintable() or not 0 < len(name) <= 200 or ":" in name:
            raise ConfigError(f"{name!r} is no user name; take one to 200 plain characters, no colon")
        password = password or secrets.token_urlsafe(18)
        self._known[name] = Principal(name, home, role), self._hasher.hash(password)
        self._verified.clear()
        self._save()
        return password

    def cached(self, name: str, password: str) -> Principal | None:
        """Who that is, if `verify` has said so before; never blocks."""
        return self._verified.get(self._digest(name, password))

    def verify(self, name: str, password: str) -> Principal | None:
        """Who that is, or None. May block for argon2."""
        if (found := self.cached(name, password)) is not None:
            return found
        if name not in self._known or len(password) > MAX_PASSWORD:
            return None
        principal, stored = self._known[name]
        try:
            self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return None
        self._verified[self._digest(name, password)] = principal
        return principal

    async def check(self, name: str, password: str, address: str) -> Principal | None:
        """`verify` off the event loop; `TooManyAttempts` after too many failures from `address`."""
        if (found := self.cached(name, password)) is not None:
            return found
        watched = address, name if name in self._known else ""
        now = time.monotonic()
        failures = [at for at in self._failures.pop(watched, []) if now - at < ATTEMPTS_WINDOW]
        if len(failures) >= MAX_ATTEMPTS:
            self._failures[watched] = failures
            raise TooManyAttempts("too many wrong passwords; wait a minute")
        # Counted before argon2 has an opinion, so that attempts at the same time do not slip through.
        self._failures[watched] = [*failures, now]
        if len(self._failures) > MAX_WATCHED:
            del self._failures[next(iter(self._failures))]
        loop = asyncio.get_running_loop()
        principal = await loop.run_in_executor(self._worker, self.verify, name, password)
        if principal is not None:
            self._failures.pop(watched, None)
        return principal

    def _digest(self, name: str, password: str) -> bytes:
        return hashlib.blake2b(f"{name}\0{password}".encode(errors="surrogatepass"), key=self._key).digest()

    def _save(self) -> None:
        if self._path is None:
            return
        quoted = partial(json.dumps, ensure_ascii=False)  # a JSON string is a TOML string, but for surrogates
        lines = ["# Who may come in. Passwords are argon2 hashes; `homestream init` and `up` write this."]
        for name, (principal, stored) in self._known.items():
            lines += ["", f"[{quoted(name)}]", f"home = {quoted(principal.home)}"]
            lines += [f'role = "{principal.role}"', f'hash = "{stored}"']
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
