"""Arming on the page: what stands open is said, countdowns are shown, disarming asks for the code."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from homestream.web.code import Code

from .conftest import CONFIG, House
from .test_browser import furnish, visiting

pytestmark = pytest.mark.browser


async def test_arm_with_a_window_open_then_disarm_by_code(house: House, tmp_path: Path) -> None:
    await furnish(house)
    await house.say("kitchen/window", "contact", "open")
    async with visiting(house, tmp_path / "chromium", viewport={"width": 1360, "height": 1000}) as visit:
        page = await visit.log_in()
        chip = page.get_by_role("button", name=re.compile("^Security"))
        await chip.click()
        await page.get_by_role("menuitemradio", name=re.compile("Armed away")).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Kitchen window is open")
        await expect(chip).to_contain_text(re.compile(r"Armed away · \d+ s to leave"))
        await page.screenshot(path=tmp_path / "warning.png")
        await dialog.get_by_role("button", name="Leave it so").click()
        assert visit.complaints == []

        Code(house.folder).set("1234")
        await chip.click()
        await page.get_by_role("menuitemradio", name=re.compile("Disarmed")).click()
        await dialog.get_by_label("Code").fill("0000")
        await dialog.get_by_role("button", name="OK").click()
        await expect(dialog).to_contain_text("Wrong code")
        await page.screenshot(path=tmp_path / "code.png")
        await dialog.get_by_label("Code").fill("1234")
        await dialog.get_by_label("Code").press("Enter")
        await expect(dialog).to_have_count(0)
        await expect(chip).to_have_text(re.compile("^ *Disarmed$"))
        assert house.engine.view(CONFIG.id)["mode"] == "disarmed"
