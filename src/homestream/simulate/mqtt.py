"""Readings over MQTT, each family in its own topics; lamps, plugs and thermostats obey what comes back."""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from homestream.simulate import families
from homestream.simulate.client import Client
from homestream.simulate.faults import Report
from homestream.simulate.sink import Obey, Run, login
from homestream.wire.packets import Will

#: what the server says for the simulated Zigbee bridge when the simulator dies
WILL = Will("zigbee2mqtt/bridge/state", b'{"state":"offline"}', 1, True)


class MqttSink:
    """One connection a home; with several homes the n-th logs in as USER-n."""

    live = True
    families: frozenset[str] = frozenset({"z2m", "tasmota", "plain"})

    def __init__(self, target: str) -> None:
        """`target` is mqtt://[user:password@]host[:port]."""
        self._url = urlsplit(target)
        self._zone: ZoneInfo | None = None
        self._clients: dict[str, Client] = {}
        self._obey: Obey
        self._answers: set[asyncio.Task[None]] = set()

    async def open(self, run: Run) -> None:
        """Log in, announce the devices, listen for commands."""
        self._obey = run.obey
        # Tasmota's clock has whole seconds: oftener than that, its stamps would collide
        self._zone = run.zone if run.spacing >= 1000 else None
        url = self._url
        password = unquote(url.password) if url.password is not None else None
        user = unquote(url.username) if url.username is not None else None
        for number, home in enumerate(run.homes):
            client = Client(
                url.hostname or "127.0.0.1",
                url.port or 1883,
                f"simulate-{home}-{secrets.token_hex(4)}",
                login(user, number, len(run.homes)),
                password,
                WILL,
            )
            client.filters = families.FILTERS
            client.on_message = partial(self._heard, home)
            self._clients[home] = client
            await client.start()
            await client.publish(families.announce(run.devices))

    async def send(self, home: str, reports: Sequence[Report]) -> None:
        """Publish at QoS 1."""
        await self._clients[home].publish([m for r in reports for m in families.messages(r, self._zone)])

    async def close(self) -> None:
        """Wait for the last acknowledgements, then say goodbye."""
        for client in self._clients.values():
            try:
                await client.drain()
            finally:
                await client.stop()

    def _heard(self, home: str, topic: str, payload: bytes) -> None:
        """A command came: obey, and report the new state at once."""
        done = [self._obey(home, *wish) for wish in families.wish(topic, payload)]
        reports = [report for report in done if report is not None]
        if reports:
            task = asyncio.create_task(self.send(home, reports))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
