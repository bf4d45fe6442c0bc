"""What to type into a device so that it finds the door, in the device's own words."""

import json
import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

from homestream.door.login.token import token
from homestream.home import DoorConfig, is_loopback


class Reach(NamedTuple):
    """Where a device has to go, and as whom."""

    host: str
    door: DoorConfig
    name: str
    password: str

    @property
    def url(self) -> str:
        """Of the HTTP port."""
        return f"http://{self.host}:{self.door.http_port}"

    @property
    def quoted(self) -> str:
        """The password as a string of YAML."""
        return json.dumps(self.password)


def address(door: DoorConfig) -> str:
    """What others call this machine: the door's own host, or the address the network knows it by."""
    if door.host not in ("0.0.0.0", "::"):
        return door.host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it only asks which way out
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def warning(door: DoorConfig) -> str:
    """What keeps a device of the network out; "" for nothing."""
    if not is_loopback(door.host):
        return ""
    return 'The door listens on this machine only; host = "0.0.0.0" under [door] opens it to your network.'


def _mqtt(to: Reach) -> str:
    return f"""\
mosquitto_pub -h {to.host} -p {to.door.mqtt_port} -u {to.name} -P '{to.password}' -q 1 \\
  -t home/kitchen/probe/temperature -m 21.3"""


def _zigbee2mqtt(to: Reach) -> str:
    return f"""\
# configuration.yaml
mqtt:
  base_topic: zigbee2mqtt
  server: mqtt://{to.host}:{to.door.mqtt_port}
  user: {json.dumps(to.name)}
  password: {to.quoted}"""


def _tasmota(to: Reach) -> str:
    return (
        f"# console of the device\nBacklog MqttHost {to.host}; MqttPort {to.door.mqtt_port}; "
        f"MqttUser {to.name}; MqttPassword {to.password}; Topic {to.name}"
    )


def _shelly(to: Reach) -> str:
    hook = f"{to.url}/api/v1/hook/ROOM/{to.name}?token={token(to.name, to.password)}"
    return f"""\
# Gen1: Actions, output on / output off / report URL
{hook}&switch=on
{hook}&switch=off
{hook}
# Gen2 and later: Actions, then do: URL; in it, ${{ev.tC}} and the like stand for what was measured
{hook}&temperature=${{ev.tC}}"""


def _esphome(to: Reach) -> str:
    return f"""\
mqtt:
  broker: {to.host}
  port: {to.door.mqtt_port}
  username: {json.dumps(to.name)}
  password: {to.quoted}
  birth_message: {{topic: home/ROOM/{to.name}/available, payload: online, retain: true}}
  will_message: {{topic: home/ROOM/{to.name}/available, payload: offline, retain: true}}
# and below each sensor, by what it measures:
#   state_topic: home/ROOM/{to.name}/temperature"""


def _http(to: Reach) -> str:
    row = json.dumps({"device": f"ROOM/{to.name}", "temperature": 21.3})
    bearer = f"Authorization: Bearer {token(to.name, to.password)}"
    return f"""\
curl {to.url}/api/v1/readings -H '{bearer}' -H 'Content-Type: application/json' -d '{row}'
# Telegraf
[[outputs.influxdb]]
  urls = ["{to.url}"]
  database = "home"
  skip_database_creation = true
  username = {json.dumps(to.name)}
  password = {to.quoted}"""


def _coap(to: Reach) -> str:
    row = json.dumps({"device": f"ROOM/{to.name}", "temperature": 21.3})
    there = f"coap://{to.host}:{to.door.coap_port}/readings?token={token(to.name, to.password)}"
    return f"coap-client -m post -t 50 -e '{row}' '{there}'\n# (Debian and Ubuntu: coap-client-notls)"


def key(settings: Mapping[str, str]) -> str:
    """What a device needs that seals its messages instead of showing a token."""
    return f"""
# or sealed by OSCORE (RFC 8613) with a key of its own, and no token; as aiocoap's clients take it:
{json.dumps(dict(settings))}"""


#: What `device add --kind` knows -> how that is set up.
SNIPPETS: dict[str, Callable[[Reach], str]] = {
    "mqtt": _mqtt,
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly": _shelly,
    "esphome": _esphome,
    "http": _http,
    "coap": _coap,
}
