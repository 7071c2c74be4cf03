"""The canvas of the Swap view: nothing on it moves while a picture is swapped, and the focus is never lost."""

import signal
from typing import Any

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Where the picture is, in pixels of the window: the target, or what lies over it.
BOX = """() => {
  const { left, top, width, height } = document.querySelector(".sheet > img, .layer img").getBoundingClientRect();
  return [left, top, width, height];
}"""
SHOWN = "() => document.querySelector('.sheet > img, .layer img')?.clientWidth > 0"
FOCUSED = "document.activeElement !== document.body"


async def box(console: Any) -> Any:
    """Once the picture is there and laid out."""
    await console.page.wait_for_function(SHOWN)
    return await console.page.evaluate(BOX)


@pytest.mark.parametrize(("width", "height"), [(1280, 820), (820, 1100), (390, 844), (640, 410)])
async def test_a_picture_has_one_box_at_rest_at_work_and_done(
    width: int, height: int, new_page: Any, pictures: Any
) -> None:
    async for console in new_page(viewport={"width": width, "height": height}):
        page = console.page
        console.daemon.order("hold")
        await console.ready(pictures.group, pictures.ada)
        await page.locator("main").evaluate("main => main.scrollTo(0, 0)")
        at_rest = pytest.approx(await box(console), abs=0.5)  # half a pixel is no move
        await console.swap()
        await expect(page.locator(".progress")).to_contain_text("Making the new face")
        await page.locator("main").evaluate("main => main.scrollTo(0, 0)")
        assert await box(console) == at_rest
        console.daemon.forget("hold")
        await console.result_shown()
        assert await box(console) == at_rest
        await page.get_by_role("radio", name="Result", exact=True).check(force=True)
        assert await box(console) == at_rest
        place = await page.locator(".pane").evaluate("pane => pane.clientHeight")
        assert place >= height // 2
        await console.button("Change").click()
        await expect(page.locator(".box").first).to_be_visible()
        assert await box(console) == at_rest


async def test_the_focus_is_never_lost(console: Any, pictures: Any) -> None:
    page = console.page
    console.daemon.order("hold")
    await console.ready(pictures.portrait, pictures.ada)
    await page.locator("#swap").press("Enter")
    await expect(page.locator("#cancel-swap")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(console.button("Try again")).to_be_focused()
    console.daemon.forget("hold")
    await page.keyboard.press("Enter")
    await console.result_shown()
    await expect(console.button("Save")).to_be_focused()
    await console.button("Change").press("Enter")
    await expect(page.locator(".box")).to_be_visible()
    assert await page.evaluate(FOCUSED)
    await page.get_by_text("Advanced", exact=True).click()
    likeness = page.get_by_role("radio", name="Likeness", exact=True)
    await likeness.press("Space")
    await expect(likeness).to_be_focused()
    undo = console.button("Undo")
    while await undo.get_attribute("aria-disabled") == "false":
        await undo.press("Enter")
    await expect(undo).to_be_focused()
    await console.button("Remove the reference ada.png").or_(console.button("Remove the reference ada")).press("Enter")
    await expect(page.locator("#choose-reference")).to_be_focused()
    await page.locator(".frames .bare").press("Enter")
    await expect(page.locator("#choose-target")).to_be_focused()


async def test_nothing_moves_while_the_daemon_is_away(at_own_daemon: Any, pictures: Any) -> None:
    page, daemon = at_own_daemon.page, at_own_daemon.daemon
    daemon.order("hold")
    await at_own_daemon.ready(pictures.group, pictures.ada)
    await at_own_daemon.swap()
    await expect(page.locator(".progress")).to_contain_text("Making the new face")
    at_work = pytest.approx(await box(at_own_daemon), abs=0.5)
    daemon.stop(signal.SIGKILL)
    await expect(page.locator(".banner")).to_be_visible()
    assert await box(at_own_daemon) == at_work
    await expect(page.locator(".progress .figures")).to_be_hidden()
    daemon.start()  # what comes after a test asks it
