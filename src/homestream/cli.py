"""The commands. Each reads its arguments, calls one function and says in one line what went wrong."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
)
from rich.table import Table

from homestream.errors import HomestreamError

app = typer.Typer(
    name="homestream",
    help="The real-time data pipeline of the home.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
device = typer.Typer(
    help="Who may come in: a password and what to type into the device.", no_args_is_help=True
)
app.add_typer(device, name="device")
security = typer.Typer(help="The code that disarms, and the security log.", no_args_is_help=True)
app.add_typer(security, name="security")
say = Console(stderr=True)

Home = Annotated[Path, typer.Option("--home", help="the home's folder", file_okay=False)]


#: What `status` prints, and how.
MEASURES = {
    "rate": "{:,.1f}/s",
    "p50_ms": "{:.1f}",
    "p99_ms": "{:.1f}",
    "lag": "{:,}",
    "log_bytes": "{:,}",
    "lake_bytes": "{:,}",
    "rss_bytes": "{:,}",
    "seq": "{:,}",
}


class DeviceKind(StrEnum):
    """What `device add` explains how to set up."""

    mqtt = "mqtt"
    zigbee2mqtt = "zigbee2mqtt"
    tasmota = "tasmota"
    shelly = "shelly"
    esphome = "esphome"
    http = "http"
    coap = "coap"


class Format(StrEnum):
    """How `query` prints."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="the home's folder")] = Path()) -> None:
    """Write a commented home.toml and make the first logins; of a home without logins only those."""
    from homestream.init import init as make

    made = make(folder)
    done = "is written; read it, it is short" if made.new else "stays as it is; these are the home's logins"
    say.print(f"[bold]{made.folder / 'home.toml'}[/] {done}.")
    say.print(f"  page:    user [bold]admin[/]   password [bold]{made.admin_password}[/]")
    say.print(f"  devices: user [bold]device[/]  password [bold]{made.device_password}[/]")
    say.print("These passwords are shown once; only their hashes are kept.")
    say.print(f"Start with: homestream up --home {made.folder}")


@app.command()
def up(home: Home = Path()) -> None:
    """Door, engine, lake and page for real devices; SIGTERM drains the input and stops."""
    from homestream.run import up as start

    start(home)


@app.command()
def demo(
    home: Home = Path("demo-home"),
    seconds: Annotated[float | None, typer.Option("--for", help="end after so many seconds")] = None,
    speed: Annotated[float, typer.Option(help="times real time", min=0.1)] = 1.0,
) -> None:
    """The whole pipeline with a simulated home of about 60 devices."""
    from homestream.demo import demo as start

    summary = start(home, seconds, speed)
    typer.echo(json.dumps(summary))


@app.command()
def simulate(
    to: Annotated[list[str], typer.Option(help="mqtt://…, http://…, coap://…, FILE.csv, FILE.jsonl or -")],
    homes: Annotated[int, typer.Option(min=1)] = 1,
    every: Annotated[str, typer.Option(help="time between a device's readings")] = "5s",
    days: Annotated[float | None, typer.Option(help="simulated days; default: 1 into a file")] = None,
    speed: Annotated[float, typer.Option(help="times real time, over the network", min=0.1)] = 1.0,
    seed: Annotated[int, typer.Option(help="same seed, same data")] = 1,
    truth: Annotated[Path | None, typer.Option(help="write who was home, what ran, which faults")] = None,
    timezone: Annotated[str, typer.Option(help="the family's, as Europe/Berlin")] = "UTC",
    showcase: Annotated[bool, typer.Option("--showcase", help="a fault of each kind in 30 minutes")] = False,
) -> None:
    """A simulated home: to files, to stdout, or to a running Homestream."""
    from homestream.home import duration_ms
    from homestream.simulate.command import simulate as start

    targets = [part.strip() for item in to for part in item.split(",") if part.strip()]
    if timezone not in available_timezones():
        raise HomestreamError(f"--timezone {timezone!r} is no IANA time zone; write it as Europe/Berlin")
    try:
        every_ms = duration_ms(every)
    except ValueError as error:
        raise HomestreamError(f"--every {error}") from None
    start(
        targets,
        homes=homes,
        every_ms=every_ms,
        days=days,
        speed=speed,
        seed=seed,
        truth=truth,
        zone=ZoneInfo(timezone),
        showcase=showcase,
    )


@app.command()
def etl(
    sources: Annotated[list[str], typer.Argument(help="CSV, JSONL or Parquet files or folders; may be .gz")],
    into: Annotated[str, typer.Option(help="a home's folder, sqlite:///FILE or postgresql://…")],
    timezone: Annotated[str, typer.Option(help="zone of times that carry none")] = "",
) -> None:
    """Clean files, flag anomalies, average by hour and day, into the lake or SQL."""
    from homestream.etl import etl as load

    with _progress() as bar:
        task = bar.add_task("reading", total=None)
        result = load(
            sources,
            into,
            timezone=timezone or None,
            progress=lambda n, of: bar.update(task, completed=n, total=of),
        )
    typer.echo(json.dumps(result))


@app.command()
def query(
    sql: str,
    home: Home = Path(),
    style: Annotated[Format, typer.Option("--format", help="how to print")] = Format.table,
) -> None:
    """SQL over messages, readings, rollup_1h, rollup_1d and events, seconds old, while `up` runs."""
    from homestream.lake.query import query as ask

    ask(home, sql, style.value)


@app.command()
def backtest(
    home: Home = Path(),
    rules: Annotated[Path | None, typer.Option(help="a rule file; default: the home's own rules")] = None,
    against: Annotated[Path | None, typer.Option(help="another rule file, to compare with")] = None,
    since: Annotated[str, typer.Option(help="ISO time; default: all history")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Which alerts the rules would have raised on the home's own history."""
    from homestream.backtest import backtest as run
    from homestream.homefile import load_rules

    with _progress() as bar:
        task = bar.add_task("replaying", total=None)
        result = run(
            home,
            load_rules(rules) if rules else None,
            since=moment(since, "--since"),
            progress=lambda n, of: bar.update(task, completed=n, total=of),
            against=load_rules(against) if against else None,
        )
    if as_json:
        typer.echo(json.dumps(result.as_json()))
    else:
        result.print(Console())


@app.command()
def replay(
    home: Home = Path(),
    digest: Annotated[bool, typer.Option("--digest", help="print the facts' SHA-256 alone")] = False,
) -> None:
    """Rebuild all facts from the log; their digest equals the one the live run kept."""
    from homestream.replay import replay as run

    with _progress() as bar:
        task = bar.add_task("replaying", total=None)
        engine = run(home, progress=lambda n, of: bar.update(task, completed=n, total=of))
    if not engine.last_seq:
        raise HomestreamError(f"{home} has no history yet; start it: homestream up --home {home}")
    if not digest:
        say.print(f"{engine.last_seq} entries, {len(engine.homes)} home(s)")
    typer.echo(engine.digest())


@app.command()
def report(
    out: Annotated[Path, typer.Option("-o", "--output", help="the PDF to write")],
    home: Home = Path(),
    since: Annotated[str, typer.Option(help="ISO time; default: a week before --until")] = "",
    until: Annotated[str, typer.Option(help="ISO time; default: now, or the end of the data")] = "",
) -> None:
    """Key findings and the system's own performance, as a PDF."""
    from homestream.report.command import report as write

    pages = write(home, out, since=moment(since, "--since"), until=moment(until, "--until"))
    say.print(f"[bold]{out}[/]: {pages} page(s), {out.stat().st_size // 1024} kB")


@app.command()
def status(home: Home = Path(), as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Accounting by source, rates, latency, lag and sizes."""
    from homestream.system import read_status

    state = read_status(home)
    if as_json:
        typer.echo(json.dumps(state))
    else:
        _print_status(Console(), state)


@device.command(name="add")
def device_add(
    name: str,
    home: Home = Path(),
    kind: Annotated[DeviceKind, typer.Option(help="what it is, for what to type into it")] = DeviceKind.mqtt,
    only: Annotated[list[str] | None, typer.Option(help="a topic filter, as zigbee2mqtt/#")] = None,
) -> None:
    """Make a password for a device; adding a known one again gives it a new password."""
    from homestream.door.login.device import add

    added = add(home, name, kind.value, only or ())
    say.print(f"user [bold]{name}[/]  password [bold]{added.password}[/], shown once; only its hash is kept.")
    if added.warning:
        say.print(added.warning, markup=False, highlight=False)
    typer.echo(added.snippet)


@device.command(name="list")
def device_list(home: Home = Path()) -> None:
    """Print who may come in, and on which topics."""
    from homestream.door.login.device import known

    for who in known(home):
        typer.echo(f"{who.role:<6}  {who.name}  {' '.join(who.publish or ())}".rstrip())


@device.command(name="remove")
def device_remove(name: str, home: Home = Path()) -> None:
    """Take a device out; where the home is up, it is disconnected within seconds."""
    from homestream.door.login.device import remove

    remove(home, name)
    say.print(f"{name} is out.", highlight=False)


@security.command()
def code(
    home: Home = Path(),
    remove: Annotated[bool, typer.Option("--remove", help="disarm without one again")] = False,
) -> None:
    """Ask for the code that disarms, twice, and keep its hash; works while `up` runs."""
    from homestream.homefile import load
    from homestream.web.code import Code

    load(home)
    if remove:
        Code(home).set(None)
        say.print("No code is needed any more.")
    else:
        Code(home).set(typer.prompt("Code", hide_input=True, confirmation_prompt=True))
        say.print("From now on disarming takes this code.")


@security.command()
def verify(home: Home = Path()) -> None:
    """Check that no entry of the security log was altered or taken out; exit code 1 where one was."""
    from homestream.security import verify as check

    verdict = check(home)
    typer.echo(verdict.text)
    if not verdict.whole:
        raise typer.Exit(1)


@security.command(name="log")
def security_log(
    home: Home = Path(), limit: Annotated[int, typer.Option(help="newest entries", min=1)] = 50
) -> None:
    """Print the newest entries of the security log."""
    from homestream.security import lines

    for time, severity, text in lines(home, limit):
        typer.echo(f"{time}  {severity:<6}  {text}")


def moment(text: str, option: str) -> int | None:
    """ISO 8601 (UTC where it names no zone) -> ms; "" -> None."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise HomestreamError(f"{option} {text!r} is no time; write it as 2026-11-24T18:30") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
    )
    return Progress(*columns, console=say, transient=True)


def _print_status(console: Console, state: dict[str, Any]) -> None:
    """What is wrong, and the books and the measures as two tables."""
    for trouble in state.get("troubles", ()):
        since = datetime.fromtimestamp(trouble["since"] / 1000).astimezone()
        console.print(f"[bold red]since {since:%Y-%m-%d %H:%M:%S}[/] ", end="")
        console.print(trouble["text"], markup=False, highlight=False, soft_wrap=True)
    books = Table(
        "home", "source", "received", "=", "stored", "+ duplicate", "+ rejected", "late", title="Accounting"
    )
    for row in state["accounts"]:
        adds = row["received"] == row["stored"] + row["duplicate"] + row["rejected"]
        counts = [f"{row[name]:,}" for name in ("stored", "duplicate", "rejected", "late")]
        books.add_row(
            row["home"], row["source"], f"{row['received']:,}", "=" if adds else "[red]≠[/]", *counts
        )
    console.print(books)
    measures = Table("measure", "value", title="running" if state["running"] else "stopped")
    for name, show in MEASURES.items():
        measures.add_row(name, "unknown" if state[name] is None else show.format(state[name]))
    for bridge in state.get("bridges", ()):
        since = datetime.fromtimestamp(bridge["since"] / 1000, UTC).astimezone()
        stands = f"{'connected' if bridge['connected'] else 'away'} since {since:%Y-%m-%d %H:%M:%S}"
        measures.add_row(f"bridge {bridge['name']}", f"{stands}  {bridge['error']}".rstrip())
    console.print(measures)
    for note in state.get("notes", ()):
        console.print(f"! {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"digest {state['digest']}", highlight=False, soft_wrap=True)  # whole, to be compared


def main() -> None:
    """Entry point: an error of the person's own is one line, not a traceback."""
    try:
        app()
    except HomestreamError as error:
        say.print("[red]homestream:[/] ", end="")
        say.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
