"""A preview is small, upright and opaque, belongs to whoever may see the picture, and never waits for a swap."""

import io
from typing import Any

import PIL.Image
import pytest

from mien_daemon import keys
from mien_pipeline.media.metadata import SWAPPED, write_packet

pytestmark = pytest.mark.slow


def picture(width: int, height: int, mode: str = "RGB", kind: str = "png", **save: Any) -> bytes:
    made = io.BytesIO()
    PIL.Image.new(mode, (width, height)).save(made, kind, **save)
    return made.getvalue()


def size_of(data: bytes) -> tuple[int, int]:
    return PIL.Image.open(io.BytesIO(data)).size


async def test_a_preview_is_small_and_comes_while_a_swap_runs(daemon: Any) -> None:
    await daemon.until(await daemon.swap("gate=go"), "running")
    name = await daemon.put(picture(900, 600))
    answer = await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=300")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert size_of(answer.body) == (300, 200)
    (daemon.state / "go").touch()


async def test_a_result_has_a_preview_and_a_job_without_one_says_why(daemon: Any) -> None:
    job = await daemon.finished(await daemon.swap())
    assert size_of((await daemon.ask("GET", f"/v1/jobs/{job['id']}/preview?side=16")).body) == (4, 4)
    failed = await daemon.finished(await daemon.swap("fail=no-face-found"))
    assert (await daemon.ask("GET", f"/v1/jobs/{failed['id']}/preview")).code == "job-finished"


async def test_the_preview_of_a_result_never_stands_in_for_it(daemon: Any) -> None:
    """A preview has no content credentials. The fake runtime's result is its target."""
    job = await daemon.finished(await daemon.swap(picture=picture(400, 300)))
    for side in (200, 399, 400, 8192):
        assert size_of((await daemon.ask("GET", f"/v1/jobs/{job['id']}/preview?side={side}")).body) == (200, 150)


async def test_a_result_that_is_sent_again_as_a_picture_is_previewed_as_the_result_that_it_is(daemon: Any) -> None:
    made = io.BytesIO()
    PIL.Image.new("RGB", (400, 300)).save(made, "jpeg", xmp=write_packet("mesh", SWAPPED))
    name = await daemon.put(made.getvalue())
    assert size_of((await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=8192")).body) == (200, 150)


async def test_another_clients_picture_has_no_preview(daemon: Any) -> None:
    name = await daemon.put(picture(20, 20))
    answer = await daemon.ask("GET", f"/v1/blobs/{name}/preview", token=await daemon.token("swap"))
    assert answer.code == "unknown-blob"


async def test_a_picture_that_breaks_half_way_is_refused_and_the_next_one_is_not(daemon: Any) -> None:
    broken = await daemon.put(picture(900, 600, kind="jpeg")[:-2000] + b"\xff\xd9")
    assert (await daemon.ask("GET", f"/v1/blobs/{broken}/preview")).status in {200, 415}
    whole = await daemon.put(picture(900, 600))
    assert (await daemon.ask("GET", f"/v1/blobs/{whole}/preview?side=90")).status == 200


async def test_a_killed_preview_process_costs_one_answer(daemon: Any) -> None:
    name = await daemon.put(picture(900, 600))
    assert (await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=100")).status == 200
    process = daemon.app[keys.PREVIEWS]._readers[-1]._process
    process.kill()
    await process.wait()
    assert (await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=110")).status == 200
