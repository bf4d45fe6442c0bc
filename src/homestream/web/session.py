"""Log-ins that last: a random token in a cookie, its SHA-256 in the home's folder."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

FILE = "sessions.json"
#: A wall tablet should not ask for the password each week.
LIFETIME_S = 30 * 86_400
#: More log-ins than a household has devices means a script; the oldest give way.
SESSIONS = 500


class Sessions:
    """Who is logged in. Only hashes are kept, so that a copied file opens nothing."""

    def __init__(self, folder: Path, mark: Callable[[str], str | None]) -> None:
        """Take up the log-ins of the run before from `folder`/sessions.json; a broken file means none.

        `mark`: name -> what changes with its password, None for nobody; see `Credentials.mark`.
        """
        self._file = folder / FILE
        self._mark = mark
        #: browsers share cookies between ports of one host; two homes must not log each other out
        self.cookie = "homestream_" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
        #: hash of the token -> who, until when, and the mark of that password
        self._held: dict[str, tuple[str, int, str | None]] = {}
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            self._held = {str(digest): (str(name), int(until), str(of)) for digest, name, until, of in rows}
        except (OSError, ValueError, TypeError):
            pass

    def open(self, name: str) -> str:
        """Log `name` in; the token goes into the cookie and is kept nowhere."""
        token = secrets.token_urlsafe(32)
        now = int(time.time())
        self._held = {digest: held for digest, held in self._held.items() if held[1] > now}
        while len(self._held) >= SESSIONS:
            del self._held[next(iter(self._held))]
        self._held[_digest(token)] = (name, now + LIFETIME_S, self._mark(name))
        self._save()
        return token

    def name(self, token: str) -> str | None:
        """Who holds this token; None where it is unknown, closed or expired, or of a password before."""
        name, until, mark = self._held.get(_digest(token), ("", 0, None))
        return name if until > time.time() and mark is not None and mark == self._mark(name) else None

    def close(self, token: str) -> None:
        """Log out."""
        if self._held.pop(_digest(token), None):
            self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        rows = [[digest, *held] for digest, held in self._held.items()]
        with open(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(rows, file)
        draft.replace(self._file)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
