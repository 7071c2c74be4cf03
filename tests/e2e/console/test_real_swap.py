"""The whole product once, nothing painted: two portraits, the embedded engine, marks, and the check of the result."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from mien_daemon.config import DEFAULT_WORKER

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_MS = 300_000  # networks are loaded for the first time, on whatever the machine has left


async def test_two_portraits_are_swapped_marked_and_checked(new_console: Any, models: Any, tmp_path: Path) -> None:
    target, reference = (models.path("demo-portraits", name) for name in ("mona_lisa.jpg", "astronaut.png"))
    async for console in new_console(tmp_path, Path(models.root), worker=DEFAULT_WORKER):
        page = console.page
        for button, path in (("#choose-target", target), ("#choose-reference", reference)):
            async with page.expect_file_chooser() as dialog:
                await page.locator(button).click()
            await (await dialog.value).set_files(path)
            if button == "#choose-target":
                await expect(page.locator(".box")).to_have_count(1, timeout=PATIENCE_MS)
        await console.consent()
        await console.swap()
        await expect(page.locator(".compare .layer img").first).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.locator(".report")).to_contain_text("Carries content credentials")
        await expect(page.locator(".report")).to_contain_text("Invisible watermark: strong")
        (face,) = (await console.job())["result"]["faces"]
        assert face["identity"]["to_reference"] > face["identity"]["to_target"]

        await console.go("results")
        await page.locator(".shot a").click()
        await console.button("Check the file").click()
        await expect(page.locator(".verdict")).to_contain_text("Content credentials are valid.", timeout=PATIENCE_MS)
        await expect(page.locator(".verdict")).to_contain_text("Invisible watermark: strong")
