"""A person swaps a clip on the console: its people, the part that is meant, progress, and a player for the result."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Request, expect

from mien_daemon.config import DEFAULT_WORKER
from mien_models.store import ModelStore
from mien_pipeline.media.decode import decode
from mien_testing.axe import find_obstacles
from mien_testing.clips import Recipe, make_clip, move_portrait

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LOOKED_AT = os.environ.get("MIEN_SCREENSHOTS")  # a folder: what the test saw is kept there, for a person to look at
PATIENCE_MS = 300_000  # networks are loaded for the first time, on whatever the machine has left
READY = "element => element.readyState >= 2 && element.error === null"


# Keeps every text that the figures beside the progress bar show: each may be there for a moment only.
WATCH = """() => {
  window.figures = [];
  new MutationObserver(() => window.figures.push(document.querySelector(".progress .figures")?.textContent ?? ""))
    .observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def portrait(models: ModelStore) -> bytes:
    return models.path("demo-portraits", "astronaut.png").read_bytes()


@pytest.fixture(scope="module")
def clip(portrait: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of a portrait before a moving camera, 320 × 180, 12 pictures, of a kind that every browser plays."""
    recipe = Recipe("libvpx", size=(320, 180), times=tuple(range(12)), rate=12, options={"deadline": "realtime"})
    drawn = move_portrait(decode(portrait).pixels[:400])
    return make_clip(tmp_path_factory.mktemp("clip") / "a.webm", recipe, drawn).read_bytes()


@pytest_asyncio.fixture(loop_scope="module")
async def real(new_console: Any, tmp_path: Path, models: ModelStore) -> AsyncIterator[Any]:
    async for console in new_console(tmp_path, Path(models.root), worker=DEFAULT_WORKER):
        yield console


async def look(page: Any, name: str) -> None:
    """Nothing in the view hinders anybody, and nothing is wider than the window."""
    assert await find_obstacles(page) == []
    assert await page.evaluate(
        "[...document.querySelectorAll('main')].every(({ scrollWidth: all, clientWidth: seen }) => all <= seen)"
    )
    if LOOKED_AT:
        await page.screenshot(path=f"{LOOKED_AT}/{name}.png")


def is_look(request: Request) -> bool:
    """Whether the page asks for the people of a clip."""
    return request.method == "POST" and '"analyse"' in (request.post_data or "")


async def test_a_clip_is_looked_at_trimmed_swapped_and_played(real: Any, clip: bytes, portrait: bytes) -> None:
    page = real.page
    async with page.expect_file_chooser() as dialog:
        await page.locator("#choose-target").click()
    await (await dialog.value).set_files([{"name": "a.webm", "mimeType": "video/webm", "buffer": clip}])
    await expect(page.locator(".picture video")).to_be_visible()
    film = await page.locator(".film img").element_handle()
    await page.wait_for_function("img => img.naturalWidth > 0", arg=film)
    await expect(page.locator(".assignments-row")).to_have_count(1, timeout=PATIENCE_MS)
    await expect(page.locator(".seen-when")).to_have_text("0:00.0–0:01.0")
    async with page.expect_request(is_look):
        await page.locator("#clip-to").fill("0.5")
        await page.locator("#clip-to").press("Enter")
    end = page.get_by_role("slider", name="Where the part ends")
    assert float(await end.input_value()) == 0.5
    await expect(page.locator(".trim-frames img[src]")).to_have_count(8)
    await expect(page.locator(".assignments-row")).to_have_count(1, timeout=PATIENCE_MS)
    quality = page.get_by_role("slider", name="Quality")
    await quality.fill("60")
    codec = page.get_by_label("Codec")
    await codec.select_option("AV1")
    await codec.focus()
    await page.keyboard.press("Control+z")
    await expect(codec).to_have_value("auto")
    await expect(codec).to_be_focused()
    await codec.select_option("AV1")
    await page.get_by_role("radio", name="GIF", exact=True).check()  # which has no codec to choose
    await expect(codec).to_have_count(0)
    await page.get_by_role("radio", name="MP4", exact=True).check()
    await expect(codec).to_have_value("av1")
    await look(page, "clip")
    async with page.expect_file_chooser() as dialog:
        await page.locator("#choose-reference").click()
    await (await dialog.value).set_files([{"name": "a.png", "mimeType": "image/png", "buffer": portrait}])
    await real.consent()
    await real.button("Try this picture").click()  # the long part comes after it
    await expect(page.locator(".tried .tag.after")).to_be_visible(timeout=PATIENCE_MS)
    tried = await real.job()
    assert (tried["label"]["target"], tried["result"]["faces"][0]["swapped"]) == ("a.webm 0:00.4", True)
    await look(page, "clip-tried")
    await real.button("Back to the clip").press("Enter")
    await expect(page.locator(".tried")).to_have_count(0)
    await expect(real.button("Try this picture")).to_be_focused()
    await page.evaluate(WATCH)
    await real.swap()
    result = page.locator(".clips figure:last-of-type video")
    await expect(result).to_be_visible(timeout=PATIENCE_MS)
    assert [text for text in await page.evaluate("window.figures") if re.match(r"Frame \d+ of \d+", text)]
    for video in (result, page.locator(".clips figure:first-of-type video")):
        await page.wait_for_function(READY, arg=await video.element_handle())
    position = page.get_by_role("slider", name="Position")
    for _ in range(3):  # a picture each
        await position.press("ArrowRight")
    await page.wait_for_function(
        """([before, after]) => after.currentTime > 0.2 && Math.abs(before.currentTime - after.currentTime) < 0.02""",
        arg=[await page.locator(f".clips figure:{at}-of-type video").element_handle() for at in ("first", "last")],
    )
    await look(page, "clip-result")
    job = await real.job()
    assert (job["kind"], job["options"]["to"], job["options"]["faces"]) == ("swap", 0.5, [0])
    assert (job["options"]["quality"], job["options"]["encoder"]) == (60, "av1")
    assert (job["result"]["video"]["frames"], job["result"]["people"][0]["swapped"]) == (6, 6)
    await real.go("results")
    await expect(page.locator(".shot")).to_have_count(2)
    await expect(page.locator(".shot-length")).to_contain_text("6 frames")
    await page.locator(".shot:has(.shot-length) a").click()
    await expect(page.locator(".clips figure:last-of-type video")).to_be_visible()
    await look(page, "clip-kept")
    await real.go("jobs")
    await expect(page.locator(".row.of-job")).to_have_count(4)
