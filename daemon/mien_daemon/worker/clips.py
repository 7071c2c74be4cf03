"""What the worker does with a clip: swap its faces segment by segment, or find its people for a person who chooses.

What is finished lies in the job's run folder, so that a job whose worker or daemon died goes on where it stood. Nothing
here is imported before a clip comes: PyAV, which decodes it, may not be installed.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mien_core.errors import CheckUnavailable, MienError, UnsupportedClip
from mien_core.files import make_folder, move_into_place, write_whole
from mien_daemon.worker.messages import PREVIEW, Finished, RunJob
from mien_daemon.worker.runtime import ChecksSegments
from mien_pipeline.clip_options import (
    MEDIA_TYPES,
    ClipOptions,
    parse_clip_options,
    require_clip_options,
    require_clips,
    split_clip_options,
)
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.media.kinds import looks_like_clip, read_head
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnProgress, Progress

if TYPE_CHECKING:
    from mien_pipeline.clips.analysis import Analysis, PersonSeen
    from mien_pipeline.clips.orders import SegmentOrder
    from mien_pipeline.clips.report import SwappedClip
    from mien_pipeline.clips.segments import SegmentMaker
    from mien_pipeline.media.clip.probe import ClipInfo
    from mien_pipeline.swap_clip import ClipTarget

STAGES_OF_FRAMES = ("detect", "generate")  # a step of these is one picture of the clip
PREVIEW_SIDE = 640
CROP_SIDE = 192  # of one face in the picture of all
CROPS_A_ROW = 6
QUALITY = 88

OnClipProgress = Callable[[Progress, tuple[int, int]], None]
"""Told after every step; beside it how many segments are finished, of how many, which is 0 while that is not known."""


@runtime_checkable
class EditsClips(Protocol):
    """A runtime that takes clips."""

    def swap_clip(
        self,
        target: "ClipTarget",
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress,
        likes: Sequence[bytes] = (),
    ) -> "SwappedClip": ...

    def analyse_clip(self, clip: "ClipInfo", part: ClipOptions, on_progress: OnProgress) -> "Analysis": ...

    def open_segments(
        self,
        clip: Path,
        folder: Path,
        order: "SegmentOrder",
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
    ) -> "SegmentMaker": ...


def is_about_a_clip(job: RunJob) -> bool:
    """Whether the job's target is to be edited as a clip."""
    return job.kind in ("analyse", "help") or (job.kind == "swap" and looks_like_clip(read_head(Path(job.target))))


def run_clip(runtime: object, job: RunJob, on_progress: OnClipProgress) -> Finished:
    """Do a job whose target is a clip; the result lies at `job.output`.

    Raises:
        UnsupportedClip: PyAV is not installed, or the clip cannot be edited.
        MienError: as `Runtime.swap_clip` and `Runtime.analyse_clip` say.
    """
    require_clips()
    if not isinstance(runtime, EditsClips):
        raise UnsupportedClip("this worker edits pictures only", stream="container", reason="no-clip")
    work = {"analyse": analyse, "help": help_along}.get(job.kind, swap)
    return work(runtime, job, on_progress)


def swap(runtime: EditsClips, job: RunJob, on_progress: OnClipProgress) -> Finished:
    from mien_pipeline.clips.report import describe_clip
    from mien_pipeline.swap_clip import open_target

    raw, given = split_clip_options(job.options)
    options = parse_options(raw)
    require_clip_options(options)
    people = [[Path(picture).read_bytes() for picture in person] for person in job.references]
    likes = [Path(picture).read_bytes() for picture in job.likes]
    run = open_run(job, [*people, likes])
    output = Path(job.output)

    def write(make: Callable[[Path], None]) -> None:
        part = output.with_suffix(".part")
        make(part)
        move_into_place(part, output)

    clip_options = parse_clip_options(given)
    target = open_target(Path(job.target), clip_options, run, write)
    target = replace(target, look=find_look(job, clip_options))
    watch = SegmentWatch(target, output.with_name(PREVIEW), on_progress)
    made = runtime.swap_clip(target, people, options, watch.tell, likes)
    with output.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Finished(job.id, describe_clip(made), MEDIA_TYPES[clip_options.format], digest)


def find_look(job: RunJob, part: ClipOptions) -> Path | None:
    """What a job has found that looked at the same part of the same clip, as long as that job is kept."""
    from mien_pipeline.clips.run_names import name_look

    run = Path(job.run)
    return next(run.parent.parent.glob(f"*/{run.name}/{name_look(job.target, part)}.npz"), None)


def help_along(runtime: EditsClips, job: RunJob, on_progress: OnClipProgress) -> Finished:
    """Render segments of a clip that another worker swaps, as long as any are left to take; there is no result."""
    from mien_pipeline.clips.guests import render_as_guest
    from mien_pipeline.clips.segments import in_one_thread

    options = parse_options(split_clip_options(job.options)[0])
    people = [[Path(picture).read_bytes() for picture in person] for person in job.references]
    likes = [Path(picture).read_bytes() for picture in job.likes]
    run = name_run(job, [*people, likes])
    with in_one_thread():
        render_as_guest(
            run,
            lambda clip, order: runtime.open_segments(clip, run, order, people, options),
            lambda: on_progress(Progress("generate", 0, 1), (0, 0)),
        )
    return Finished(job.id, {}, "", "")


def check_segment(runtime: object, job: RunJob) -> Finished:
    """Look at a segment that another machine made; raises as `Runtime.check_segment` does."""
    require_clips()
    if not isinstance(runtime, ChecksSegments):
        raise CheckUnavailable("this runtime looks at no segments")
    runtime.check_segment(Path(job.target), int(str(job.options["pictures"])))
    return Finished(job.id, {}, "", "")


def name_run(job: RunJob, pictures: Sequence[Sequence[bytes]]) -> Path:
    """The folder of this version of the run: with other faces, or by another version of Mien, it is another one."""
    said = [version("mien"), job.target, dict(job.options), [[hash_picture(each) for each in one] for one in pictures]]
    return Path(job.run) / hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def open_run(job: RunJob, pictures: Sequence[Sequence[bytes]]) -> Path:
    """See `name_run`; what another version left is gone."""
    own = name_run(job, pictures)
    for other in Path(job.run).iterdir() if Path(job.run).is_dir() else ():
        if other != own:
            shutil.rmtree(other)
    return own


def hash_picture(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


@dataclass(slots=True)
class SegmentWatch:
    """Tells of a clip's pictures and finished segments, and lays a picture of the newest segment beside the result."""

    target: "ClipTarget"
    preview: Path
    on_progress: OnClipProgress
    _shown: set[str] = field(default_factory=set[str])

    def tell(self, progress: Progress) -> None:
        """Pass one step on."""
        from mien_pipeline.clips.analysis import cut_into_segments

        finished = sorted(self.target.folder.glob("segment-*.mp4"))
        if new := [path for path in finished if path.name not in self._shown]:
            self._shown |= {path.name for path in finished}
            self._show(max(new, key=lambda path: path.stat().st_mtime_ns))
        if progress.stage not in STAGES_OF_FRAMES or progress.total <= 1:
            self.on_progress(progress, (0, 0))
            return
        total = len(cut_into_segments(progress.total, self.target.segment)) if progress.stage == "generate" else 0
        self.on_progress(progress, (len(finished), max(total, len(finished))))

    def _show(self, segment: Path) -> None:
        """A segment that cannot be shown costs its preview, and not the job."""
        from mien_pipeline.media.clip.poster import show_at

        with suppress(MienError, OSError):
            write_whole(self.preview, shrink(show_at(segment), self.target.clip.rotation), 0o600)


def shrink(pixels: Any, rotation: int) -> bytes:
    """A JPEG of (h, w, 3) uint8 RGB as it is stored, upright and at most half its size: it has no credentials."""
    import PIL.Image

    picture = PIL.Image.fromarray(pixels).rotate(rotation, expand=True)
    side = min(PREVIEW_SIDE, max(picture.size) // 2)
    picture.thumbnail((side, side))
    return to_jpeg(picture)


def to_jpeg(picture: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def analyse(runtime: EditsClips, job: RunJob, on_progress: OnClipProgress) -> Finished:
    """The people of the clip; the result is one picture of all their faces. A swap of it does not look again."""
    from mien_pipeline.clips.report import describe_people
    from mien_pipeline.clips.run_names import name_look
    from mien_pipeline.media.clip.animated import convert_animation, is_animated
    from mien_pipeline.media.clip.probe import probe_part
    from mien_pipeline.progress import Stopwatch

    part, path, clock = parse_clip_options(job.options), Path(job.target), Stopwatch()
    if is_animated(path):
        path = Path(job.output).with_name("animation.mkv")
        convert_animation(Path(job.target), path)
    clip = probe_part(path, part.begin_s, part.end_s)

    with clock.time("detect"):
        found = runtime.analyse_clip(clip, part, lambda progress: on_progress(progress, (0, 0)))
    make_folder(Path(job.run))
    found.save(Path(job.run) / f"{name_look(job.target, part)}.npz")
    sheet, crops = lay_out(found.people)
    write_whole(Path(job.output), sheet, 0o600)
    described: dict[str, Any] = describe_people(found, clip)
    people = [{**person, "crop": crop} for person, crop in zip(described["people"], crops, strict=True)]
    report = {**described, "people": people, "seconds": round(clock.elapsed, 3), "stages": clock.seconds}
    return Finished(job.id, report, "image/jpeg", hash_picture(sheet))


def lay_out(people: "Sequence[PersonSeen]") -> tuple[bytes, list[list[int]]]:
    """(a JPEG of all portraits in rows, left, top, width and height of each in it)."""
    import PIL.Image

    rows = -(-len(people) // CROPS_A_ROW)
    sheet = PIL.Image.new("RGB", (CROP_SIDE * min(len(people), CROPS_A_ROW), CROP_SIDE * rows), (128, 128, 128))
    crops: list[list[int]] = []
    for number, person in enumerate(people):
        portrait = PIL.Image.fromarray(person.portrait)
        scale = CROP_SIDE / max(portrait.size)
        portrait = portrait.resize([max(1, round(side * scale)) for side in portrait.size])
        place = CROP_SIDE * (number % CROPS_A_ROW), CROP_SIDE * (number // CROPS_A_ROW)
        sheet.paste(portrait, place)
        crops.append([*place, *portrait.size])
    return to_jpeg(sheet), crops
