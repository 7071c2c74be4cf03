"""A clip is a job as a picture is: refused before any work, watched as it goes, taken up after a death."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien_api.folders import Folders
from mien_daemon import keys
from mien_daemon.config import DEFAULT_WORKER
from mien_models.store import ModelStore
from mien_pipeline.clips.analysis import Analysis
from mien_pipeline.media.decode import decode
from mien_testing.clips import Recipe, make_clip, move_portrait
from mien_testing.daemon import png

pytestmark = pytest.mark.slow

Daemon = Any
OpenDaemon = Any

FRAMES = 12


@pytest.fixture(scope="session")
def portrait(models: ModelStore) -> bytes:
    return models.path("demo-portraits", "astronaut.png").read_bytes()


@pytest.fixture(scope="session")
def clip(portrait: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of a portrait before a moving camera, 320 × 180, 12 pictures, with a tone."""
    recipe = Recipe(size=(320, 180), times=tuple(range(FRAMES)), rate=FRAMES, tone=1.0)
    drawn = move_portrait(decode(portrait).pixels[:400])
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", recipe, drawn).read_bytes()


@pytest.fixture
async def real(open_daemon: OpenDaemon, models: ModelStore, tmp_path: Path) -> AsyncIterator[Daemon]:
    """A daemon whose worker has the real networks."""
    state = tmp_path / "state"
    folders = Folders(state, state / "cache", state / "logs", models.root)
    async with open_daemon(state, folders=folders, worker=DEFAULT_WORKER) as running:
        yield running


async def post(daemon: Daemon, **job: object) -> Any:
    return await daemon.ask("POST", "/v1/jobs", {"kind": "swap", **job})


async def watch(daemon: Daemon, job: Any, until: Callable[[Any], object]) -> list[Any]:
    """The job each time it changes, until one of them is as wanted."""
    seen, tag = [job], ""
    async with asyncio.timeout(120):
        while not until(seen[-1]):
            assert seen[-1]["state"] in {"queued", "running"}, seen[-1]["problem"]
            known = {"If-None-Match": tag} if tag else {}
            answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20", headers=known)
            tag = answer.headers["ETag"]
            if answer.status == 200:
                seen.append(answer.json)
    return seen


async def test_a_clip_is_looked_at_then_swapped_through_its_workers_death_and_played_by_ranges(
    real: Daemon, clip: bytes, portrait: bytes
) -> None:
    """One worker for all of it: to start one takes longer than the rest."""
    target, reference = await real.put(clip), await real.put(portrait)
    looking = await look_at(real, target)
    forget_half(real.state)  # another look would find all of it
    job = (await post(real, target=target, reference=reference, options={"quality": 60})).json
    seen = await watch(real, job, lambda now: now["stage"] == "generate" and now["frames"])
    assert (seen[-1]["frames"]["total"], seen[-1]["segments"]) == (FRAMES, {"done": 0, "total": 1})
    os.kill(real.app[keys.WORKERS].status().pid, signal.SIGKILL)
    seen += await watch(real, job, lambda now: now["state"] == "done")
    report = seen[-1]["result"]
    assert seen[-1]["attempts"] == 2
    video = report["video"]
    assert (video["frames"], video["size"], video["audio"]) == (FRAMES, [320, 180], "copied")
    assert [person["swapped"] for person in report["people"]] == [FRAMES // 2], "the first job has looked at it"
    await real.ask("DELETE", f"/v1/jobs/{looking}")
    await real.eventually(lambda: not list((real.state / "spool").iterdir()))
    await play(real, f"/v1/jobs/{job['id']}")


async def look_at(daemon: Daemon, target: str) -> str:
    """The people of a clip are shown before the long part; the job that looked."""
    asked = await daemon.ask("POST", "/v1/jobs", {"kind": "analyse", "target": target})
    done = (await watch(daemon, asked.json, lambda now: now["state"] == "done"))[-1]["result"]
    assert [(person["id"], person["spans"], person["crop"][:2]) for person in done["people"]] == [
        (0, [[0.0, pytest.approx(1.0, abs=0.01)]], [0, 0])
    ]
    sheet = await daemon.ask("GET", f"/v1/jobs/{asked.json['id']}/result")
    assert sheet.headers["Content-Type"] == "image/jpeg"
    assert decode(sheet.body).pixels.shape[:2] == (192, 192)
    return str(asked.json["id"])


def forget_half(state: Path) -> None:
    """Let what a job has kept of its look at a clip speak of the first half only."""
    (path,) = (state / "spool").glob("*/run/look-*.npz")
    found = Analysis.load(path)
    assert found is not None
    (track,) = found.tracks
    arrays = ("meshes", "shares", "covered", "turned", "stirred")
    first = {name: getattr(track, name)[: FRAMES // 2] for name in arrays}
    replace(found, tracks=(replace(track, **first),)).save(path)


async def play(daemon: Daemon, job: str) -> None:
    """The result comes by ranges, as a player asks, with pictures of any moment, and says what it is."""
    whole = await daemon.ask("GET", f"{job}/result")
    assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp4")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    part = await daemon.ask("GET", f"{job}/result", headers={"Range": "bytes=4-7", "If-Range": whole.headers["ETag"]})
    assert (part.status, part.body) == (206, b"ftyp")
    later = await daemon.ask("GET", f"{job}/preview?side=64&at=0.9")
    assert decode(later.body).pixels.shape[1] == 64
    said = await daemon.ask("POST", "/v1/verify-image", data=whole.body, headers={"Content-Type": "video/mp4"})
    assert (said.status, said.json["credentials"]["state"], said.json["credentials"]["trusted"]) == (200, "valid", True)


# ── what is refused before any work ──


def still(number: int, size: tuple[int, int]) -> Any:
    return np.full((size[1], size[0], 3), 90, np.uint8)


def make_odd(folder: Path, recipe: Recipe) -> bytes:
    return make_clip(folder / "odd.mp4", recipe, still).read_bytes()


HDR = Recipe(times=(0, 1), tags={"color_trc": 16, "color_primaries": 9, "colorspace": 9})
LONG = Recipe(times=(0, 601_000), rate=None)
SHORT = Recipe(times=tuple(range(12)))
ODD = Recipe("libx264", "yuv444p", size=(161, 121), times=(0, 1, 2))


REFUSED: Mapping[str, tuple[Recipe, int, Any, str, Any]] = {
    "hdr": (HDR, 0, {}, "hdr", {"field": "target"}),
    "too long": (LONG, 0, {}, "clip-too-long", {"field": "target", "limit_s": 600}),
    "cut short": (SHORT, 400, {}, "unsupported-clip", {"field": "target", "stream": "container"}),
    "no such part": (SHORT, 0, {"from": 5}, "invalid-options", {"field": "from"}),
    "quality": (SHORT, 0, {"quality": 0}, "invalid-options", {"field": "quality"}),
    "encoder": (SHORT, 0, {"encoder": "mpeg1"}, "invalid-options", {"field": "encoder"}),
    "no way to write it": (ODD, 0, {"encoder": "h264"}, "invalid-options", {"field": "encoder"}),
    "a GIF with a codec": (SHORT, 0, {"format": "gif", "encoder": "av1"}, "invalid-options", {"field": "encoder"}),
    "for pictures": (SHORT, 0, {"format": "png"}, "invalid-options", {"field": "format"}),
}


async def test_a_clip_that_cannot_be_edited_so_is_refused_by_name_when_the_job_is_posted(
    daemon: Daemon, tmp_path: Path
) -> None:
    """By one daemon: each case of its own would start another process that reads clips."""
    reference = await daemon.put(png())
    for name, (recipe, cut, options, code, fields) in REFUSED.items():
        made = make_odd(tmp_path, recipe)
        target = await daemon.put(made[: len(made) - cut])
        answer = await post(daemon, target=target, reference=reference, options=options)
        assert (answer.code, answer.status) == (code, 415 if code == "unsupported-clip" else 422), name
        assert {field: answer.json[field] for field in fields} == fields, name
    assert daemon.app[keys.WORKERS].status().state == "stopped"


async def test_what_only_a_clip_or_only_a_picture_can_have_is_refused_with_the_other(
    daemon: Daemon, tmp_path: Path
) -> None:
    clip, picture = await daemon.put(make_odd(tmp_path, SHORT)), await daemon.put(png())
    for job, code, field in (
        ({"kind": "swap", "target": picture, "reference": picture, "options": {"to": 1}}, "invalid-options", "to"),
        ({"kind": "analyse", "target": picture}, "unsupported-clip", "target"),
        ({"kind": "analyse", "target": clip, "options": {"quality": 3}}, "invalid-options", "quality"),
        ({"kind": "restore", "target": clip}, "invalid-image", "target"),
        ({"kind": "swap", "target": picture, "reference": clip}, "invalid-image", "reference"),
    ):
        answer = await daemon.ask("POST", "/v1/jobs", job)
        assert (answer.code, answer.json["field"]) == (code, field)


async def test_a_clip_whose_engine_is_left_open_gets_one_when_the_job_is_posted(daemon: Daemon, tmp_path: Path) -> None:
    """All who render its segments take the same one."""
    clip, picture = await daemon.put(make_clip(tmp_path / "a.mp4", SHORT).read_bytes()), await daemon.put(png())
    await daemon.ask("POST", "/v1/queue/pause")
    posted = await post(daemon, target=clip, reference=picture, options={"engine": "auto", "quality": 50, "seed": 2})
    assert posted.json["options"] == {"engine": "mesh", "fallback": False, "quality": 50, "seed": 2}


async def test_a_clip_has_a_poster_at_any_moment_and_comes_back_with_its_type(daemon: Daemon, tmp_path: Path) -> None:
    clip = await daemon.put(make_clip(tmp_path / "a.mp4", SHORT).read_bytes())
    first, last = [
        decode((await daemon.ask("GET", f"/v1/blobs/{clip}/preview?side=160&at={at}")).body).pixels for at in (0, 99)
    ]
    assert first.shape == last.shape == (120, 160, 3)
    assert np.abs(first.astype(int) - last).mean() > 2
    part = await daemon.ask("GET", f"/v1/blobs/{clip}", headers={"Range": "bytes=4-7"})
    assert (part.status, part.body, part.headers["Content-Type"]) == (206, b"ftyp", "video/mp4")
