"""Notifications by apprise: a target's URL says which of its services carries them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from homestream.engine.fact import Notify
from homestream.errors import ConfigError

if TYPE_CHECKING:
    from apprise import Apprise

#: One call may take this long, s; apprise's own limits on connecting and reading (4 s each) are within it.
TIMEOUT_S = 15.0

#: severity, the worst last -> apprise's word for it, which services show as a colour or an icon
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class Notifier:
    """Sends to the targets of `home.toml`; a URL that apprise cannot read raises `ConfigError`."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = {name: _service(name, url) for name, url in targets.items()}

    def send(self, facts: Sequence[Notify]) -> str:
        """Deliver what is for one target as one notification; blocks. "" when delivered, else why not."""
        first = facts[0]
        service = self._targets.get(first.target)
        if service is None:
            return f"no such target: {first.target}"
        severity = max((fact.severity for fact in facts), key=list(_TYPES).index)
        result = service.notify(
            body="\n".join(fact.text or fact.title for fact in facts),
            title=first.title if len(facts) == 1 else f"{first.title}: {len(facts)} alerts",
            notify_type=_TYPES[severity],
            body_format="text",
            timeout=TIMEOUT_S,
        )
        return "" if result else "the service did not take it"


def _service(name: str, url: str) -> "Apprise":
    with warnings.catch_warnings():
        # apprise loads all its services at the first URL; one of them imports a deprecated module.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # costs 0.4 s and 37 MB, which a home without targets is spared

        service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Homestream"))
        if not service.add(url):
            # The URL holds secrets and is never shown.
            raise ConfigError(
                f'home.toml: notify.{name}: apprise cannot read this URL; write it as "json://host"'
            )
    return service
