"""All operators of a home, in the one order they are called in."""

from homestream.engine.anomaly import Anomalies
from homestream.engine.command import Commands
from homestream.engine.energy.conservation import Conservation
from homestream.engine.operator import Operator
from homestream.engine.outage import Outages
from homestream.engine.rules.rule import Rules
from homestream.engine.safety.presence import Presence
from homestream.engine.safety.security import SecurityLog


def operators() -> list[Operator]:
    """New ones. Who is home is known before security judges, and both before rules ask."""
    return [Presence(), SecurityLog(), Rules(), Outages(), Anomalies(), Commands(), Conservation()]
