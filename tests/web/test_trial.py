"""A rule tried on the page: typed, run over the history, its alerts shown and marked over the chart."""

import re
import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from .conftest import House
from .test_browser import furnish, visiting

pytestmark = pytest.mark.browser

RULE = """
[[rule]]
name  = "Kettle"
when  = "kitchen/kettle.power > 1000"
until = "kitchen/kettle.power < 50"
"""


async def boil(house: House) -> None:
    """Two hours of a kettle, on twice; once its power trembles around the level."""
    now = int(time.time() * 1000)
    for n in range(120):
        watts = 1800 if 20 <= n < 30 else (1100 if n % 2 else 900) if 70 <= n < 80 else 5
        await house.say("kitchen/kettle", "power", watts, now - (120 - n) * 60_000)


async def test_a_rule_is_typed_tried_and_its_alerts_seen(house: House, tmp_path: Path) -> None:
    await furnish(house)
    await boil(house)
    async with visiting(house, tmp_path / "chromium", viewport={"width": 1360, "height": 1000}) as visit:
        page = await visit.log_in()
        await page.get_by_role("button", name="Try a rule").press("Enter")
        dialog = page.get_by_role("dialog", name="Try a rule")
        rule = dialog.get_by_label("Rule", exact=True)
        await expect(rule).to_have_value(re.compile(r"house/mains\.power > 1000"))

        await rule.fill(RULE.replace("power >", "pwer >"))
        await dialog.get_by_role("button", name="Try it").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("did you mean power", timeout=30_000)

        await rule.fill(RULE)
        await dialog.get_by_label("days").fill("7")
        await dialog.get_by_role("button", name="Try it").click()
        await expect(dialog.get_by_role("progressbar")).to_be_visible()
        found = dialog.get_by_role("region", name="Kettle")
        await expect(found).to_contain_text("2 alerts; 6 without hysteresis", timeout=30_000)
        await expect(found.get_by_role("alert")).to_have_count(0)
        await expect(found.locator("canvas")).to_be_visible()
        await expect(found.locator(".band")).to_have_count(2)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=tmp_path / f"{scheme}.png")

        alerts = found.get_by_role("listitem")
        await expect(alerts).to_have_count(2)
        await expect(alerts.last).to_contain_text("kitchen/kettle power 1,800 W at")
        await expect(alerts.last).to_contain_text("Would have sent nothing")
        await alerts.last.get_by_role("button").click()
        await expect(found.locator(".band")).to_have_count(1)
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(found.get_by_role("button", name="Show all of the time")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await dialog.evaluate("node => node.scrollWidth <= node.clientWidth")
        await page.screenshot(path=tmp_path / "phone.png")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert visit.complaints == []


async def test_a_running_one_is_cancelled(house: House, tmp_path: Path) -> None:
    await furnish(house)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        await page.get_by_role("button", name="Try a rule").click()
        dialog = page.get_by_role("dialog", name="Try a rule")
        await dialog.get_by_role("button", name="Try it").click()
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog.get_by_role("alert")).to_have_text("stopped before its end")
        await expect(dialog.get_by_role("button", name="Try it")).to_be_enabled()
        assert visit.complaints == []
