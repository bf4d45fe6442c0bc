"""The page in chromium, over a real engine: what a person sees and does."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from homestream.reading import Kind

from .conftest import CONFIG, PASSWORD, USER, House

pytestmark = pytest.mark.browser

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


class Visit:
    """A page, and all it complained of or asked of others."""

    def __init__(self, page: Page, house: House) -> None:
        self.page, self.house = page, house
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.house.address, self.house.address.replace("http", "ws"))):
            self.complaints.append(f"asked {request.url}")

    async def log_in(self) -> Page:
        await self.page.goto(self.house.address)
        await self.page.wait_for_url("**/login")
        await self.page.get_by_label("Name").fill(USER)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_text("Live", exact=True)).to_be_visible()
        return self.page


@asynccontextmanager
async def visiting(house: House, profile: Path, **options: Any) -> AsyncIterator[Visit]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: make test-setup")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, headless=True, args=FLAGS, **options
        )
        context.set_default_timeout(10_000)
        try:
            yield Visit(context.pages[0], house)
        finally:
            await context.close()


def tile(page: Page, series: str) -> Any:
    return page.locator(f'[data-series="{series}"]')


async def furnish(house: House) -> None:
    """A home of a few devices of each kind; the office's sensor has fallen silent."""
    now = int(time.time() * 1000)
    for n in range(60):
        await house.say("house/mains", "power", 400 + 10 * (n % 20), now - (60 - n) * 5000)
    for room in ("living_room", "kitchen", "bedroom", "office"):
        await house.say(f"{room}/ceiling_light", "switch", "OFF")
        await house.say(f"{room}/climate", "temperature", 21.3)
        await house.say(f"{room}/climate", "humidity", 44)
        await house.say(f"{room}/motion", "motion", 0)
    await house.say("hall/front_door", "contact", "closed")
    await house.say("office/climate", "temperature", "unavailable")


async def test_tiles_show_the_home_and_move_as_it_speaks(house: House, tmp_path: Path) -> None:
    await furnish(house)
    async with visiting(house, tmp_path / "chromium", viewport={"width": 1360, "height": 1000}) as visit:
        page = await visit.log_in()
        await expect(page.get_by_role("heading", name="Testers' home")).to_be_visible()
        assert await page.title() == "Testers' home"
        await expect(tile(page, "kitchen/climate.temperature")).to_contain_text("21.3 °C")
        await expect(tile(page, "office/climate.temperature")).to_contain_text("since")
        await expect(tile(page, "hall/front_door.contact")).to_contain_text("Closed")
        await expect(page.get_by_role("heading", name="Kitchen 21.3 °C · 44 %")).to_be_visible()

        await house.say("kitchen/climate", "temperature", 25.7)
        await expect(tile(page, "kitchen/climate.temperature")).to_contain_text("25.7 °C")
        await house.say("house/mains", "power", 1234)
        await expect(page.locator("[data-power]")).to_have_text("1,234 W")
        await house.say("garden/weather", "temperature", 7)
        await expect(tile(page, "garden/weather.temperature")).to_contain_text("7.0 °C")
        await page.wait_for_function("document.querySelector('.power canvas')?.width > 500")
        await expect(page.get_by_role("region", name="System")).to_contain_text("adds up")

        # what a device calls itself and what it measures is only text
        await house.say("kitchen/odd", "constructor", 5)
        await expect(tile(page, "kitchen/odd.constructor")).to_contain_text("5")
        await house.say("kitchen/<img src=x onerror=alert(1)>", "power", 5)
        await expect(page.get_by_role("list").get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
        assert await page.locator("main img").count() == 0

        await tile(page, "living_room/climate.temperature").get_by_role("button").click()
        dialog = page.get_by_role("dialog", name="Climate")
        await expect(dialog).to_contain_text("21.3 °C")
        await expect(dialog.locator("canvas")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert visit.complaints == []


async def test_of_three_phases_one_that_is_unknown_makes_the_power_unknown(
    house: House, tmp_path: Path
) -> None:
    phases = [{"id": f"house/phase_{n}", "mains": True} for n in (1, 2, 3)]
    config = CONFIG.model_dump(by_alias=True, mode="json") | {"device": phases}
    await house.act("configure", config, "run")
    for phase in phases:
        await house.say(str(phase["id"]), "power", 100)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        await expect(page.locator("[data-power]")).to_have_text("300 W")
        await house.say("house/phase_2", "power", "unavailable")
        await expect(page.locator("[data-power]")).to_have_text("Unknown")


async def test_without_mains_the_power_is_that_of_the_meters_that_no_other_one_counts(
    house: House, tmp_path: Path
) -> None:
    listed = [{"id": "desk/monitor", "parent": "desk/strip"}, {"id": "roof/sun", "produces": True}]
    config = CONFIG.model_dump(by_alias=True, mode="json") | {"device": [{"id": "desk/strip"}, *listed]}
    await house.act("configure", config, "run")
    for device, watts in (("desk/strip", 90), ("desk/monitor", 40), ("roof/sun", 2000), ("hall/lamp", 10)):
        await house.say(device, "power", watts)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        await expect(page.locator("[data-power]")).to_have_text("100 W")


async def test_later_goes_to_the_day_after_one_of_25_hours(house: House, tmp_path: Path) -> None:
    await furnish(house)
    noon = int(datetime(2026, 10, 26, 12, tzinfo=CONFIG.zone).timestamp() * 1000)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()

        async def clock_change(route: Route) -> None:
            by, until = (parse_qs(urlsplit(route.request.url).query).get(name) for name in ("by", "until"))
            if by == ["day"] and until is None:
                await route.continue_(url=f"{route.request.url}&until={noon - 86_400_000}")
            else:
                await route.continue_()

        await page.route("**/api/history/consumption*", clock_change)
        consumption = page.get_by_role("region", name="Consumption")
        await consumption.get_by_role("button", name="Day").click()
        await expect(consumption).to_contain_text("25 Oct")
        await consumption.get_by_role("button", name="Later").click()
        await expect(consumption).to_contain_text("26 Oct")


async def test_a_tap_is_pending_until_the_lamp_itself_says_on(house: House, tmp_path: Path) -> None:
    await furnish(house)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        lamp = tile(page, "kitchen/ceiling_light.switch")
        button = lamp.get_by_role("button", name="Ceiling light Off")
        await expect(button).to_have_attribute("aria-pressed", "false")
        await button.click()
        await expect(lamp).to_contain_text("Turning on…")
        command = {"device": "kitchen/ceiling_light", "metric": "switch", "value": 1}
        assert house.acted == [("command", command, f"page:{USER}")]
        await house.say("kitchen/ceiling_light", "switch", "ON")
        await expect(lamp.get_by_role("button", name="Ceiling light On")).to_have_attribute(
            "aria-pressed", "true"
        )

        await lamp.get_by_role("button", name="Ceiling light On").click()
        await expect(lamp).to_contain_text("Turning off…")
        await house.tick(int(time.time() * 1000) + 15_000)
        await expect(lamp).to_contain_text("No answer")
        await expect(lamp).to_have_class("tile failed")
        assert visit.complaints == []


async def test_a_door_opened_while_armed_raises_an_alert_to_acknowledge(house: House, tmp_path: Path) -> None:
    await furnish(house)
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        await page.get_by_role("button", name="Report").press("Enter")
        await expect(page.get_by_role("link", name="Latest week")).to_be_focused()
        await page.get_by_role("button", name="Log out").focus()
        await expect(page.get_by_role("link", name="Latest week")).to_have_count(0)
        await page.get_by_role("button", name="Security: Disarmed").press("Enter")
        await page.get_by_role("menuitemradio", name="Armed away").press("Enter")
        await expect(page.get_by_role("button", name="Security: Armed away")).to_be_visible()

        later = int(time.time() * 1000) + 60_000
        await house.tick(later)
        await house.enter(Kind.MESSAGE, "mqtt:test", "home/hall/front_door/contact", b"open", later + 1000)
        alerts = page.get_by_role("region", name="Alerts")
        await expect(alerts).to_contain_text("Front door")
        await expect(page.get_by_role("link", name="1 alert")).to_be_visible()
        await expect(page.get_by_role("region", name="Security")).to_contain_text("Alarm armed")
        await alerts.get_by_role("button", name="Acknowledge").click()
        await expect(alerts).to_contain_text("Acknowledged")
        await expect(page.get_by_role("link", name="1 alert")).to_have_count(0)

        security = page.get_by_role("region", name="Security")
        await security.get_by_role("button", name="High").click()
        await expect(security).not_to_contain_text("Alarm armed")
        await expect(security.get_by_role("listitem").first).to_contain_text("Front door")
        assert visit.complaints == []


async def test_a_phone_scrolls_only_down_and_is_dark_as_its_system_is(house: House, tmp_path: Path) -> None:
    await furnish(house)
    await house.say("kitchen/a_device_with_quite_an_unreasonably_long_name_that_goes_on", "power", 1)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with visiting(house, tmp_path / "chromium", color_scheme="dark", **phone) as visit:
        page = await visit.log_in()
        for width in (390, 320):
            await page.set_viewport_size({"width": width, "height": 844})
            for _ in range(50):  # charts take their new width with the next frames
                if await page.evaluate("document.documentElement.scrollWidth") <= width:
                    break
                await asyncio.sleep(0.1)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            for name in ("Security: Disarmed", "Report"):
                await page.get_by_role("button", name=name).tap()
                box = await page.locator(".menu-panel").bounding_box()
                assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
                await page.keyboard.press("Escape")
        lefts = await page.evaluate("[...document.querySelectorAll('.room')].map(r => r.offsetLeft)")
        assert len(set(lefts)) == 1

        ground = "getComputedStyle(document.body).backgroundColor"
        assert await page.evaluate(ground) == "rgb(15, 18, 22)"
        await page.get_by_role("button", name="Theme").click()
        assert await page.evaluate(ground) == "rgb(243, 244, 246)"
        await page.reload()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        assert await page.evaluate(ground) == "rgb(243, 244, 246)"
        assert visit.complaints == []


async def test_a_lost_connection_is_said_and_comes_back(house: House, tmp_path: Path) -> None:
    await furnish(house)
    port = 0
    async with visiting(house, tmp_path / "chromium") as visit:
        async with house.serving():
            page = await visit.log_in()
            port = int(house.address.rpartition(":")[2])
        await expect(page.get_by_text("Reconnecting")).to_be_visible()
        await expect(page.locator("body")).to_have_class("stale")
        await page.get_by_role("button", name="Try a rule").click()
        await expect(page.get_by_role("alert")).to_have_text("Homestream does not answer")
        await house.say("kitchen/climate", "temperature", 18.2)
        async with house.serving(port):
            await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
            await expect(tile(page, "kitchen/climate.temperature")).to_contain_text("18.2 °C")


async def test_a_network_that_is_back_brings_one_connection_and_not_two(house: House, tmp_path: Path) -> None:
    await furnish(house)
    async with visiting(house, tmp_path / "chromium") as visit:
        async with house.serving():
            page = await visit.log_in()
            port = int(house.address.rpartition(":")[2])
        await expect(page.get_by_text("Reconnecting")).to_be_visible()
        async with house.serving(port):
            await page.evaluate("for (let n = 0; n < 3; n++) window.dispatchEvent(new Event('online'))")
            await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
            await asyncio.sleep(0.5)
            assert len(house.hub) == 1


async def test_an_empty_home_says_how_to_begin_and_logging_out_leads_back(
    house: House, tmp_path: Path
) -> None:
    async with visiting(house, tmp_path / "chromium") as visit:
        page = await visit.log_in()
        await expect(page.get_by_text("No device is live yet")).to_be_visible()
        security = page.get_by_role("region", name="Security")
        await expect(security).to_contain_text("Nothing yet")
        await expect(security.get_by_role("button", name="Show more")).to_have_count(0)
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url("**/login")
        await asyncio.sleep(0.2)
        assert visit.complaints == []
