"""What the page shows of a home's past: a small fold over its facts, bounded, in the snapshot."""

from collections import deque
from typing import Any

import msgspec

from homestream.engine.fact import Alert, AnyFact, Command, Delay, Security, decode, encode

#: Entries of the security log the page shows; all are in the lake.
SECURITY_SHOWN = 200

#: Cleared alerts shown beside the open ones.
CLEARED_SHOWN = 50

#: Last commands remembered, one a device and metric.
COMMANDS_SHOWN = 200


class View:
    """Open and recently cleared alerts, the last security events, the last command of each switch."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.open: dict[str, Alert] = {}
        self.cleared: deque[Alert] = deque(maxlen=CLEARED_SHOWN)
        self.security: deque[Security] = deque(maxlen=SECURITY_SHOWN)
        self.commands: dict[tuple[str, str], Command] = {}
        self.delays: dict[str, Delay] = {}

    def note(self, fact: AnyFact) -> None:
        """Take a fact into the picture, if it belongs there."""
        if isinstance(fact, Alert):
            self.open.pop(fact.id, None)
            if fact.state == "cleared":
                self.cleared.append(fact)
            else:
                self.open[fact.id] = fact
        elif isinstance(fact, Security):
            self.security.append(fact)
        elif isinstance(fact, Delay):
            self.delays[fact.kind] = fact
        elif isinstance(fact, Command):
            self.commands.pop((fact.device, fact.metric), None)
            self.commands[fact.device, fact.metric] = fact
            if len(self.commands) > COMMANDS_SHOWN:
                del self.commands[next(iter(self.commands))]

    def picture(self) -> dict[str, Any]:
        """`alerts` (open ones first), `security` and `commands`, newest first, and `delays`, as builtins."""
        alerts = [*reversed(self.open.values()), *reversed(self.cleared)]
        return {
            "alerts": [msgspec.to_builtins(fact) for fact in alerts],
            "security": [msgspec.to_builtins(fact) for fact in reversed(self.security)],
            "commands": [msgspec.to_builtins(fact) for fact in reversed(self.commands.values())],
            "delays": [msgspec.to_builtins(fact) for fact in self.delays.values()],
        }

    def snapshot(self) -> Any:
        """The facts it holds, encoded."""
        facts: list[AnyFact] = [*self.cleared, *self.open.values(), *self.security]
        facts += [*self.commands.values(), *self.delays.values()]
        return [encode(fact) for fact in facts]

    @classmethod
    def restore(cls, state: Any) -> "View":
        """The inverse of `snapshot`."""
        view = cls()
        for data in state:
            view.note(decode(data))
        return view
