"""Debian's chromium, driven by Playwright; every console error and every outside request is kept."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Tab:
    """A page, and what it complained of."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def log_in(self, origin: str, password: str) -> None:
        """Through the log-in form, as a person does."""
        self.page.goto(origin)
        self.page.get_by_label("Name").fill("admin")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_selector("#app, main")


@contextmanager
def open_tab(profile: Path, origin: str, width: int = 1360, height: int = 1000) -> Iterator[Tab]:
    """A fresh browser with one tab."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is missing: run `make test-setup`, or apt-get install chromium")
    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium,
            args=FLAGS,
            viewport={"width": width, "height": height},
            device_scale_factor=1,
        )
        tab = Tab(context.pages[0] if context.pages else context.new_page())
        tab.page.on("console", lambda m: tab.errors.append(m.text) if m.type == "error" else None)
        tab.page.on("pageerror", lambda e: tab.errors.append(str(e)))
        tab.page.on(
            "request",
            lambda r: None if r.url.startswith((origin, "data:", "blob:")) else tab.outside.append(r.url),
        )
        try:
            yield tab
        finally:
            context.close()
