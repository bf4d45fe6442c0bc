"""`homestream demo` as a newcomer runs it: the page in a browser, then books, digest, report and status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from browser import open_tab
from home_process import await_port, ports
from homestream import demo
from homestream.homefile import FILE

pytestmark = pytest.mark.browser

#: Where `make screenshot` wants the picture of the README.
PICTURE = os.environ.get("HOMESTREAM_PICTURE")
SECONDS = 75 if PICTURE else 30


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the program, waited for."""
    line = [sys.executable, "-m", "homestream", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_demo_from_start_to_report(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    logins = demo.prepare(folder)
    mqtt, http, coap, _ = ports()
    toml = (folder / FILE).read_text()
    for name, port in (("mqtt_port", mqtt), ("http_port", http), ("coap_port", coap)):
        toml, found = re.subn(rf"(?m)^{name} *= *\d+", f"{name} = {port}", toml)
        assert found == 1
    (folder / FILE).write_text(toml)
    line = [sys.executable, "-m", "homestream", "demo", "--home", str(folder), "--speed", "10"]
    running = subprocess.Popen([*line, "--for", str(SECONDS)], stdout=subprocess.PIPE, text=True)
    origin = f"http://127.0.0.1:{http}"
    try:
        await_port(http, running)
        with open_tab(tmp_path / "profile", origin) as tab:
            tab.log_in(origin, logins["admin"])
            lamp = tab.page.locator("section[aria-label='Kitchen'] li").filter(has_text="Ceiling light")
            expect(lamp).to_be_visible(timeout=20_000)
            expect(tab.page.locator("section").filter(has_text="Energy hogs")).to_contain_text("kWh")
            if PICTURE:
                _picture(tab.page, Path(PICTURE))
            assert tab.errors == []
            assert tab.outside == []
        out, _ = running.communicate(timeout=SECONDS + 60)
    finally:
        running.kill()
    assert running.returncode == 0
    summary = json.loads(out.splitlines()[-1])
    assert summary["received"] == summary["stored"] + summary["duplicate"] + summary["rejected"] > 500
    assert summary["stored"] > 500
    home = ("--home", str(folder))
    assert command("replay", *home, "--digest").stdout.strip() == summary["digest"]
    status = json.loads(command("status", *home, "--json").stdout)
    assert not status["running"]
    assert {row["source"] for row in status["accounts"]} >= {"mqtt:device", "http:device", "coap:device"}
    asked = command(
        "query", "SELECT count(*) AS n FROM messages WHERE kind = 'message'", *home, "--format", "json"
    )
    assert json.loads(asked.stdout)[0]["n"] > 100
    pdf = tmp_path / "report.pdf"
    assert command("report", *home, "-o", str(pdf)).returncode == 0
    text = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    assert "Energy hogs" in text
    assert "Heat pump" in text
    tried = command("backtest", *home, "--json")
    assert tried.returncode == 0, tried.stderr
    assert "Iron left on" in tried.stdout


def _picture(page: object, file: Path) -> None:
    """The page with an armed home, a lamp on and an alert, as the README shows it."""
    from playwright.sync_api import Page

    assert isinstance(page, Page)
    page.locator("section[aria-label='Kitchen'] button.tile-main").first.click()
    page.get_by_role("button", name=re.compile("^Security")).click()
    page.get_by_role("menuitemradio", name=re.compile("Armed home")).click()
    page.wait_for_timeout((SECONDS - 30) * 1000)
    page.screenshot(path=file)
