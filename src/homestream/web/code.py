"""The code that disarms: four digits or more, known to the home and not to its log.

Only its argon2 hash is kept, in a file of the home's folder, and read at each question, so that
`homestream security code` changes it while the home runs. Whoever tries a wrong one three times waits a
minute; short as codes are, a day of guessing then finds one of four digits with a chance of four in ten.
"""

import asyncio
import time
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from homestream.errors import ConfigError, PeerError
from homestream.lake.disk import sync

FILE = "security-code"

SHORTEST, LONGEST = 4, 64
#: Wrong codes in a row before a pause, and how long that is, s.
TRIES = 3
PAUSE_S = 60.0


class WrongCode(PeerError):
    """It is not the code, or no code can be tried for now; `tries` is TRIES when this began a pause."""

    def __init__(self, text: str, tries: int = 0) -> None:
        super().__init__(text)
        self.tries = tries


class Code:
    """The code of one home's folder; the API asks it, on the event loop."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._hasher = PasswordHasher()
        self._wrong = 0
        self._pause_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    @property
    def needed(self) -> bool:
        """Whether a code is set."""
        return self._file.exists()

    def set(self, code: str | None) -> None:
        """Set it, or with None take it away. May block for argon2."""
        if code is None:
            self._file.unlink(missing_ok=True)
            return
        if not code.isprintable() or not SHORTEST <= len(code) <= LONGEST:
            raise ConfigError(f"a code has {SHORTEST} to {LONGEST} digits or letters")
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(self._hasher.hash(code) + "\n", encoding="utf-8")
        sync(draft)
        draft.replace(self._file)
        sync(self._file.parent)

    async def check(self, code: str) -> None:
        """Return if that is the code; `WrongCode` if it is not."""
        async with self._one_at_a_time:
            wait = self._pause_until - time.monotonic()
            if wait > 0:
                raise WrongCode(f"too many wrong codes; wait {wait:.0f} s")
            if await asyncio.to_thread(self._is, code):
                self._wrong = 0
                return
            self._wrong += 1
            if self._wrong < TRIES:
                raise WrongCode("wrong code")
            self._wrong, self._pause_until = 0, time.monotonic() + PAUSE_S
            raise WrongCode(f"wrong code, {TRIES} times; wait {PAUSE_S:.0f} s", TRIES)

    def _is(self, code: str) -> bool:
        try:
            return self._hasher.verify(self._file.read_text(encoding="utf-8").strip(), code)
        except (OSError, UnicodeError, VerificationError, InvalidHashError):
            return False  # a damaged file opens nothing; set the code anew
