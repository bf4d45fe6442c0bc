"""TLS of the door: one context for MQTT and HTTP, whose certificate may be renewed while it serves.

The certificate and key are loaded into the context that the listeners hold, so connections that are open go
on as they are and new ones get the new certificate. Where `client_ca` is set, a peer may show a certificate
of that authority and is then the principal that its common name says, without a password.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homestream.errors import ConfigError
from homestream.home import DoorConfig


class Tls:
    """The certificate of a home, from the PEM files that `home.toml` names."""

    def __init__(self, folder: Path, door: DoorConfig) -> None:
        """Read the files, relative to `folder`; `ConfigError` says which is wrong."""
        self._chain = folder / door.certificate, folder / door.key
        self._authority = folder / door.client_ca if door.client_ca else None
        self.context = self._load(_context())

    @property
    def files(self) -> tuple[Path, ...]:
        """What it was read from."""
        return self._chain if self._authority is None else (*self._chain, self._authority)

    def reload(self) -> None:
        """Take what the files hold now; `ConfigError` where they are wrong, and what was there stays.

        An authority that is no longer in `client_ca` is trusted until the next start.
        """
        self._load(_context())  # a chain that does not fit would half replace the good one
        self._load(self.context)

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            context.load_cert_chain(*self._chain, password=_no_password)
            if self._authority is not None:
                context.load_verify_locations(self._authority)
                context.verify_mode = ssl.CERT_OPTIONAL
        except FileNotFoundError:
            missing = next((file for file in self.files if not file.exists()), self._chain[0])
            raise ConfigError(f"{missing} is missing; see certificate, key and client_ca in [door]") from None
        except OSError as error:  # SSLError is one
            names = ", ".join(file.name for file in self.files)
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            raise ConfigError(f"{names}: {reason}; give a PEM certificate and the key that fits it") from None
        return context


def common_name(certificate: Mapping[str, Any] | None) -> str | None:
    """Whom a verified peer certificate, as the `ssl` module gives it, is made out to."""
    for attributes in (certificate or {}).get("subject", ()):
        for name, value in attributes:
            if name == "commonName":
                return str(value)
    return None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    """A key with a password would make the start wait for a person at the terminal."""
    return ""
