"""A person gives the console a folder: every picture becomes a job of one group, which is stopped and tried again."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from mien_testing.axe import find_obstacles

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOKED_AT = os.environ.get("MIEN_SCREENSHOTS")  # a folder: what the test saw is kept there, for a person to look at


async def look(page: Any, name: str) -> None:
    """Nothing serious for axe, nothing wider than the window."""
    assert await find_obstacles(page) == []
    widths = await page.evaluate(
        "[document.querySelector('main').scrollWidth, document.querySelector('main').clientWidth]"
    )
    assert widths[0] <= widths[1]
    if LOOKED_AT:
        await page.screenshot(path=f"{LOOKED_AT}/{name}.png")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
async def test_a_folder_becomes_a_group_that_is_stopped_and_tried_again(
    width: int, scheme: str, new_page: Any, pictures: Any, tmp_path: Path
) -> None:
    holidays = tmp_path / "Ferien 100%"
    (holidays / "sub").mkdir(parents=True)
    (holidays / "a.png").write_bytes(pictures.portrait.data)
    (holidays / "broken.png").write_bytes(b"no picture")
    (holidays / "sub" / "b.png").write_bytes(pictures.group.data)
    (holidays / "note.txt").write_text("no picture")
    async for console in new_page(viewport={"width": width, "height": 844}, color_scheme=scheme):
        page = console.page
        console.daemon.order("hold")
        async with page.expect_file_chooser() as dialog:
            await page.locator("#choose-folder").click()
        await (await dialog.value).set_files(holidays)
        await expect(page.locator(".folder h2")).to_have_text("Ferien 100%")
        await expect(page.locator(".folder .count")).to_have_text("3 pictures")
        await expect(page.locator("#swap")).to_be_disabled()
        await console.choose("#choose-reference", pictures.ada)
        await console.consent()
        await expect(page.locator("#swap")).to_have_text("Swap 3 pictures")
        await look(page, f"folder-{width}")
        await console.swap()
        await expect(page.locator(".folder .count")).to_have_text("0 of 2 done")
        await expect(page.locator(".refused li").nth(1)).to_contain_text("broken.png: ")
        tiles = page.locator(".sheet-tile")
        await expect(tiles).to_have_count(3)
        await expect(tiles.first).to_have_attribute("aria-label", "broken.png: Not taken")
        await tiles.first.click()
        await expect(page.locator("dialog [role=alert]")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(tiles.first).to_be_focused()
        await look(page, f"sent-{width}")
        await page.get_by_role("link", name="See the jobs").click()
        row = page.locator(".row.of-jobs")
        await expect(row.locator(".row-note")).to_have_text("0 of 2 done")
        await expect(row.locator("strong")).to_contain_text("Ferien 100")
        await expect(page.locator(".row[data-id]")).to_have_count(0)
        await expect(page.locator("[data-part=running]").locator(row)).to_be_visible()  # it moves there as one begins
        await look(page, f"jobs-{width}")
        await row.locator("[data-deed=close]").click()
        await expect(row.locator(".row-note")).to_have_text("0 of 2 done · 2 failed or cancelled")
        console.daemon.forget("hold")
        await row.locator("[data-deed=retry]").click()
        await expect(row.locator(".row-note")).to_have_text("2 of 2 done")
        await expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "100")
        await row.get_by_role("button", name="Show the pictures").click()
        await expect(page.locator(".row[data-id][data-state=done]")).to_have_count(2)
        await look(page, f"open-{width}")
        (told,) = console.daemon.ask("GET", "/v1/groups")["groups"]
        assert (told["done"], told["total"]) == (2, 2)
        for job in console.daemon.ask("GET", "/v1/jobs")["jobs"]:
            assert (job["priority"], job["options"]["faces"]) == ("batch", "largest")
            console.daemon.ask("DELETE", f"/v1/jobs/{job['id']}")
