"""`homestream init`: a commented `home.toml` and the two first credentials, in a folder of their own."""

from dataclasses import dataclass
from pathlib import Path

from homestream.door.login.credentials import FILE as CREDENTIALS
from homestream.door.login.credentials import Credentials
from homestream.errors import HomestreamError
from homestream.homefile import FILE, load, parse

TEMPLATE = """\
# A home, as Homestream sees it. Every line that is commented out shows its default or an example.
# Devices need no entry here: they appear by themselves once they speak. Name them to give them a room.

name = "Home"
timezone = "{timezone}"             # local time of days, nights and tariffs, as an IANA name
# latitude = 52.52                  # degrees north and east: for sunrise and sunset in rules
# longitude = 13.41
# quiet = "22:00-07:00"             # notifications that are not critical wait
# rooms = ["living_room", "kitchen"]  # the order of the rooms on the page

[door]                              # where devices and people connect
host = "127.0.0.1"                  # "0.0.0.0" opens it to your network
mqtt_port = 1883
http_port = 8080                    # page, API and HTTP ingest
coap_port = 5683
# anonymous = false                 # true: devices need no password (on loopback only)

# [[bridge]]                        # a broker that you have already, see docs/bridge.md
# name = "attic"
# host = "192.168.1.10"
# user = "homestream"
# password = "its password"

# [[device]]
# id = "0x00158d0001a2b3c4"         # as the device calls itself; the page shows it
# room = "laundry"
# name = "Iron"

# [[device]]
# id = "hall/mains"
# mains = true                      # the meter of the whole home

# [[person]]
# name = "Ada"
# tracker = "ada_phone"             # a device that reports `presence`; OwnTracks: owntracks/ada/phone

[tariff]
currency = "EUR"
per_kwh = 0.30

[security]
night_from = "23:00"
night_to = "06:00"
exit_delay = "30s"                  # after arming, this long to leave
entry_delay = "30s"                 # after an entry door opened, this long to disarm
empty_after = "15m"                 # a door, then no motion for this long: nobody is home

[notify]                            # name = an apprise URL, https://github.com/caronc/apprise
# phone = "ntfy://my-topic"

# [webhook]                         # name = a URL that rules may post to
# hub = "https://hub.example/alert"

# [group]                           # devices that are told the same: turn off lights
# lights = ["hall/lamp", "office/lamp"]

# Rules: when it starts, until it clears, how long it must hold; all that a rule may be: docs/rules.md
# [[rule]]
# name     = "Iron left on"
# when     = "laundry/iron.power > 1000"
# until    = "laundry/iron.power < 50"
# for      = "10m"
# severity = "warning"              # info, warning, critical
# cooldown = "1h"
# do       = ["notify phone", "turn off laundry/iron"]
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` made: the folder, the page's login and the devices' login (shown once, kept as hashes).

    `new` says that `home.toml` was written too.
    """

    folder: Path
    new: bool
    admin_password: str
    device_password: str


def init(folder: Path, text: str | None = None) -> Made:
    """Write `home.toml` and the credentials `admin` (page) and `device` (devices) into `folder`.

    `text` replaces the template. A home without logins, as `etl` makes it, only gets those; one that has both
    is left alone: HomestreamError.
    """
    new = not (folder / FILE).exists()
    if not new:
        if (folder / CREDENTIALS).exists():
            raise HomestreamError(f"{folder} is a home already; start it: homestream up --home {folder}")
        config = load(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        text = text if text is not None else TEMPLATE.format(timezone=local_timezone())
        config = parse(text)
        (folder / FILE).touch(mode=0o600)  # addresses of notifications hold secrets
        (folder / FILE).write_text(text, encoding="utf-8")
    credentials = Credentials.load(folder)
    admin = credentials.add("admin", config.id, role="admin")
    device = credentials.add("device", config.id, role="device")
    return Made(folder, new, admin, device)


def local_timezone() -> str:
    """IANA zone of this machine, or UTC where it names none."""
    link = Path("/etc/localtime")
    _, found, name = str(link.resolve()).partition("zoneinfo/")
    return name if found else "UTC"
