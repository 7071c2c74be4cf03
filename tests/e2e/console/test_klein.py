"""`klein` through the daemon, from the page and from the command line: the result is the target but for the head.

The worker is the product's own and loads the tiny bundle, which paints noise: a face is seen there all the same.
"""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest
from playwright.async_api import Route, expect

from mien_cli.main import main
from mien_models.store import ModelStore
from mien_pipeline.media import metadata

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_MS = 300_000  # torch and every network are loaded for the first time
SMALL = {"side": 256, "reference_side": 256, "steps": 2, "retries": 0}
# It is cancelled as soon as two steps were seen.
LONG = {"engine": "klein", "side": 512, "steps": 50, "retries": 0}
PLACE = b"a place that is not for others"


@pytest.fixture(scope="module")
def daemon(tiny_klein: Any) -> Any:
    return tiny_klein


def photograph(models: ModelStore, name: str) -> bytes:
    """A portrait as a camera leaves it, with what is nobody's business in it."""
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.ImageDescription] = PLACE.decode()
    made = io.BytesIO()
    with PIL.Image.open(models.path("demo-portraits", name)) as picture:
        picture.convert("RGB").save(made, "JPEG", quality=92, exif=exif, comment=PLACE)
    return made.getvalue()


def cropped(models: ModelStore) -> bytes:
    """A target of 509 × 387 pixels, in a format that keeps each of them."""
    made = io.BytesIO()
    with PIL.Image.open(models.path("demo-portraits", "astronaut.png")) as picture:
        picture.convert("RGB").crop((3, 0, 512, 387)).save(made, "PNG")
    return made.getvalue()


async def make_small(route: Route) -> None:
    """What the page asks for, at the smallest sizes: they have no controls there."""
    if route.request.method != "POST":
        return await route.continue_()
    asked: dict[str, Any] = json.loads(route.request.post_data or "")
    assert asked["options"]["engine"] == "klein"
    return await route.continue_(post_data=json.dumps({**asked, "options": {**asked["options"], **SMALL}}))


def far_from_the_head(target: bytes, result: Any) -> None:
    """Check that nothing else changed, but for the watermark, and that the head did."""
    with PIL.Image.open(io.BytesIO(target)) as picture:
        changed = np.abs(np.asarray(result.convert("RGB")).astype(int) - np.asarray(picture.convert("RGB")))
    assert changed.shape == (387, 509, 3)
    assert changed[:, 350:].max() <= 3
    assert changed.max() > 50


async def give(page: Any, button: str, name: str, data: bytes) -> None:
    async with page.expect_file_chooser() as dialog:
        await page.locator(button).click()
    await (await dialog.value).set_files([{"name": name, "mimeType": "image/png", "buffer": data}])


async def test_a_swap_keeps_the_size_and_all_that_is_far_from_the_head(console: Any, models: ModelStore) -> None:
    page, target = console.page, cropped(models)
    await page.route("**/v1/jobs", make_small)
    await give(page, "#choose-target", "astronaut.png", target)
    await expect(page.locator(".box")).to_have_count(1, timeout=PATIENCE_MS)
    await give(page, "#choose-reference", "grace.jpg", photograph(models, "grace_hopper.jpg"))
    await console.consent()
    await expect(page.locator(".tile")).to_have_count(1, timeout=PATIENCE_MS)
    await page.locator("[data-engine=klein] input").check()
    await console.swap()
    await expect(page.locator(".compare .layer img").first).to_be_visible(timeout=PATIENCE_MS)
    job = await console.job()
    assert (job["result"]["engine"], job["result"]["size"]) == ("klein", [509, 387])
    far_from_the_head(target, console.result_of(job))


async def test_several_photographs_of_a_person_are_read_from_the_command_line(
    daemon: Any, models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, output, person = tmp_path / "target.png", tmp_path / "out.png", tmp_path / "grace"
    target.write_bytes(cropped(models))
    person.mkdir()
    with PIL.Image.open(io.BytesIO(photograph(models, "grace_hopper.jpg"))) as picture:
        picture.save(person / "one.png")
        picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT).save(person / "two.png")
    small = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ["swap", str(target), "--face", str(person), "--engine", "klein", *small, "-o", str(output), "--json"]
    assert await asyncio.to_thread(main, [*words, "--state-dir", str(daemon.state)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["engine"], report["size"], report["left_out"]) == ("klein", [509, 387], [])
    with PIL.Image.open(output) as result:
        far_from_the_head(target.read_bytes(), result)
    # What takes long to compute is kept, by a worker in its cage: the default prompt's embedding, and the transformer
    # with the LoRA merged into it.
    assert len(list((daemon.state / "machine" / "prompts").iterdir())) == 1
    assert len(list((daemon.models / "derived").glob("*.safetensors"))) == 1


async def test_the_list_of_engines_has_it_with_its_controls(daemon: Any) -> None:
    listed = {each["name"]: each for each in daemon.ask("GET", "/v1/engines")["engines"]}
    assert listed["klein"]["state"] == "ready"
    assert listed["klein"]["experimental"]
    assert {"region", "lora_scale", "steps"} <= listed["klein"]["options"].keys()


async def test_the_steps_of_a_running_swap_are_seen_while_it_runs(console: Any, models: ModelStore) -> None:
    page, daemon = console.page, console.daemon
    names = [daemon.put(photograph(models, name)) for name in ("mona_lisa.jpg", "astronaut.png")]
    body = {"kind": "swap", "target": names[0], "reference": names[1], "options": LONG}
    job = daemon.ask("POST", "/v1/jobs", body)
    run = {names[0]: [{"job": job["id"], "engine": "klein"}]}
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
        assert (said["ai_system"], said["description"]) == ("Mien (klein)", metadata.SWAPPED)

    await console.go("jobs")
    await expect(page.locator(".row[data-state=running] .thumb img.step")).to_be_visible(timeout=PATIENCE_MS)
    daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    await expect(page.locator(".row[data-state=cancelled] .thumb img.step")).to_be_hidden()
