"""The security log as it is written: each entry sealed to the one before it."""

from homestream.engine.fact import Security
from homestream.engine.operator import Context
from homestream.engine.safety.seal import seal


class Journal:
    """Writes entries; `head` is the hash of the last one, "" where there is none."""

    def __init__(self) -> None:
        self.head = ""

    def write(
        self,
        ctx: Context,
        kind: str,
        time: int,
        text: str,
        severity: str = "info",
        *,
        device: str = "",
        by: str = "",
        late: bool = False,
    ) -> None:
        """Emit one entry."""
        known = ctx.devices.get(device)
        entry = seal(
            Security(
                home=ctx.home,
                time=time,
                kind=kind,
                device=device,
                room=known.room if known else "",
                severity=severity,
                text=text,
                by=by,
                late=late,
            ),
            self.head,
        )
        self.head = entry.hash
        ctx.emit(entry)
