"""A running FLUX swap is seen step by step: the worker paints with the tiny bundle, TAEF1 decodes, the page shows."""

import io
import os
import shutil
from pathlib import Path
from typing import Any

import PIL.ExifTags
import PIL.Image
import pytest
from playwright.async_api import expect

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.media import metadata

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_MS = 120_000  # torch and every network are loaded for the first time
QUICK = {"engine": "flux", "side": 256, "steps": 100, "strength": 1.0}
PLACE = b"a place that is not for others"


@pytest.fixture
def tiny(models: ModelStore, tmp_path: Path) -> tuple[Path, str]:
    """Starter models and the tiny bundle with TAEF1 in one store, and the catalogue that has them."""
    from mien_pipeline.engines.flux.tiny.bundle import BUNDLE, make_tiny

    catalogue = str(make_tiny(tmp_path / "tiny"))
    root = tmp_path / "models"
    shutil.copytree(models.root, root, copy_function=os.link)
    ModelStore(root, load_catalogue({"MIEN_CATALOGUE": catalogue})).pull([BUNDLE, "taef1"])
    return root, catalogue


def photograph(path: Path) -> bytes:
    """A portrait as a camera leaves it, with what is nobody's business in it."""
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.ImageDescription] = PLACE.decode()
    made = io.BytesIO()
    with PIL.Image.open(path) as picture:
        picture.convert("RGB").save(made, "JPEG", quality=92, exif=exif, comment=PLACE)
    return made.getvalue()


async def test_the_steps_of_a_running_swap_are_seen_while_it_runs(
    new_console: Any, models: ModelStore, tiny: tuple[Path, str], tmp_path: Path
) -> None:
    root, catalogue = tiny
    async for console in new_console(tmp_path, root, real=True, MIEN_CATALOGUE=catalogue, MIEN_DEVICE="cpu"):
        page, daemon = console.page, console.daemon
        names = [
            daemon.put(photograph(models.path("demo-portraits", name))) for name in ("mona_lisa.jpg", "astronaut.png")
        ]
        body = {"kind": "swap", "target": names[0], "reference": names[1], "options": QUICK}
        job = daemon.ask("POST", "/v1/jobs", body)
        run = {names[0]: [{"job": job["id"], "engine": "flux"}]}
        # The page as a reload of its tab finds it.
        draft = {"targets": [{"name": "mona_lisa.jpg", "digest": names[0]}], "runs": run}
        await page.evaluate("draft => sessionStorage.setItem('mien.draft', JSON.stringify(draft))", draft)
        await page.reload()

        step = page.locator(".working img.step")
        await expect(step).to_be_visible(timeout=PATIENCE_MS)
        on_top = await page.evaluate("document.elementFromPoint(innerWidth * 0.45, innerHeight * 0.3).className")
        assert on_top == "step", "the dimmed target does not cover it"
        shown = await step.evaluate("img => [img.naturalWidth, img.naturalHeight]")
        with PIL.Image.open(models.path("demo-portraits", "mona_lisa.jpg")) as whole:
            assert max(shown) == min(512, max(whole.size) // 2)
        preview = daemon.fetch(f"/v1/jobs/{job['id']}/preview")
        assert PLACE not in preview
        with PIL.Image.open(io.BytesIO(preview)) as picture:
            assert not picture.getexif()
            said = metadata.read(picture)
            assert (said["ai_system"], said["description"]) == ("Mien (flux)", metadata.SWAPPED)

        await console.go("jobs")
        await expect(page.locator(".row[data-state=running] .thumb img.step")).to_be_visible(timeout=PATIENCE_MS)
        daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
        await expect(page.locator(".row[data-state=cancelled] .thumb img.step")).to_be_hidden()
