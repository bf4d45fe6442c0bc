"""Who may come in: names, homes, roles and argon2 hashes in `credentials.toml` (mode 0600).

argon2 is slow on purpose (tens of ms, 64 MiB). What it has said yes to is remembered, for this process, by
a keyed hash, so that a device that reconnects or posts each second costs it once; the hot path never waits.
Another process may change the file, `homestream device add`; `reload` takes over what it wrote.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from homestream.door.login.attempts import MAX_ATTEMPTS, Attempts, TooManyAttempts
from homestream.errors import ConfigError

__all__ = ["Credentials", "Principal", "TooManyAttempts"]

FILE = "credentials.toml"

#: The name of a device that came without one, where `home.toml` allows it; nobody else's.
ANONYMOUS = "anonymous"

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


class Credentials:
    """The principals of one home's folder."""

    def __init__(self, path: Path | None = None, attempts: int = MAX_ATTEMPTS) -> None:
        """Nobody; `add` writes to `path` where one is given. `attempts`: wrong passwords, see `Attempts`."""
        self._path = path
        self._known: dict[str, tuple[Principal, str]] = {}
        self._hasher = PasswordHasher()
        self._key = secrets.token_bytes(32)
        self._verified: dict[bytes, Principal] = {}
        self._attempts = Attempts(attempts)
        # One thread: logins queue for argon2 rather than take all cores and memory from the readings.
        self._worker = ThreadPoolExecutor(1, "argon2")

    @classmethod
    def load(cls, folder: Path, attempts: int = MAX_ATTEMPTS) -> "Credentials":
        """Read `credentials.toml`; a missing file is nobody, a damaged one a `ConfigError`."""
        credentials = cls(folder / FILE, attempts)
        credentials.reload()
        return credentials

    def reload(self) -> set[str]:
        """Read the file again; which names are gone or other than they were. `ConfigError` as `load`."""
        before, self._known = self._known, _read(self._path) if self._path is not None else self._known
        changed = {name for name, known in before.items() if self._known.get(name) != known}
        self._verified = {key: who for key, who in self._verified.items() if who.name not in changed}
        return changed

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> Principal:
        return self._known[name][0]

    def get(self, name: str) -> Principal | None:
        """The principal of that name, if there is one."""
        return self._known[name][0] if name in self._known else None

    def mark(self, name: str) -> str | None:
        """What changes with the password of that name, and tells nothing of it; None for nobody."""
        return hashlib.sha256(self._known[name][1].encode()).hexdigest() if name in self._known else None

    def __iter__(self) -> Iterator[Principal]:
        return (principal for principal, _ in self._known.values())

    def add(
        self,
        name: str,
        home: str,
        role: Role,
        password: str | None = None,
        *,
        publish: Sequence[str] | None = None,
        subscribe: Sequence[str] | None = None,
    ) -> str:
        """Make (or replace) a principal, save, and return its password, made here where none is given."""
        if not name.isprintable() or not 0 < len(name) <= 200 or ":" in name or name == ANONYMOUS:
            raise ConfigError(f"{name!r} is no user name; take one to 200 plain characters, no colon")
        password = password or secrets.token_urlsafe(18)
        filters = [None if one is None else tuple(one) for one in (publish, subscribe)]
        known = Principal(name, home, role, *filters), self._hasher.hash(password)
        with self._changing():
            self._known[name] = known
        return password

    def remove(self, name: str) -> None:
        """Forget a principal, and save; `KeyError` where nobody has that name."""
        with self._changing():
            del self._known[name]

    def cached(self, name: str, password: str) -> Principal | None:
        """Who that is, if `verify` has said so before; never blocks."""
        return self._verified.get(self._digest(name, password))

    def verify(self, name: str, password: str) -> Principal | None:
        """Who that is, or None. May block for argon2."""
        if (found := self.cached(name, password)) is not None:
            return found
        if name not in self._known or len(password) > MAX_PASSWORD:
            return None
        known = self._known[name]
        try:
            self._hasher.verify(known[1], password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return None
        if self._known.get(name) != known:
            return None  # taken away meanwhile
        self._verified[self._digest(name, password)] = known[0]
        return known[0]

    async def check(self, name: str, password: str, address: str) -> Principal | None:
        """`verify` off the event loop; `TooManyAttempts` after too many failures from `address`."""
        if (found := self.cached(name, password)) is not None:
            return found
        watched = name if name in self._known else ""
        self._attempts.begin(address, watched, time.monotonic())
        loop = asyncio.get_running_loop()
        principal = await loop.run_in_executor(self._worker, self.verify, name, password)
        if principal is not None:
            self._attempts.good(address, watched)
        return principal

    def _digest(self, name: str, password: str) -> bytes:
        return hashlib.blake2b(f"{name}\0{password}".encode(errors="surrogatepass"), key=self._key).digest()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what the file says now, and no other process meanwhile."""
        if self._path is None:
            yield
            self._verified.clear()
            return
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.reload()
            yield
            self._verified.clear()
            _write(self._path, self._known)


def _read(path: Path) -> dict[str, tuple[Principal, str]]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: (_principal(name, row), str(row["hash"])) for name, row in raw.items()}
    except FileNotFoundError:
        return {}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; mend it, or move it away and add again") from None


def _principal(name: str, row: dict[str, Any]) -> Principal:
    if row["role"] not in ("admin", "device"):
        raise ValueError(f"role of {name!r} is neither admin nor device")
    for key in ("publish", "subscribe"):
        if not all(isinstance(one, str) for one in row.get(key, ())):
            raise ValueError(f"{key} of {name!r} is no list of topic filters")
    publish, subscribe = (tuple(row[key]) if key in row else None for key in ("publish", "subscribe"))
    return Principal(name, row["home"], row["role"], publish, subscribe)


def _write(path: Path, known: dict[str, tuple[Principal, str]]) -> None:
    quoted = partial(json.dumps, ensure_ascii=False)  # a JSON string is a TOML string, but for surrogates
    lines = ["# Who may come in. Passwords are argon2 hashes; `homestream init` and `device add` write this."]
    for name, (principal, stored) in known.items():
        lines += ["", f"[{quoted(name)}]", f"home = {quoted(principal.home)}"]
        lines += [f'role = "{principal.role}"', f'hash = "{stored}"']
        for key in ("publish", "subscribe"):
            if (filters := getattr(principal, key)) is not None:
                lines += [f"{key} = {quoted(filters)}"]
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
