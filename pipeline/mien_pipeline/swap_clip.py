"""One swap from clip to clip: look once, render segment by segment, join, mark.

Whatever ends a run, the next one with the same clip, faces and settings goes on after the last finished segment, and
makes the same file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mien_core.files import naming_disk_errors
from mien_pipeline.clip_options import MEDIA_TYPES, ClipOptions
from mien_pipeline.clips.analyse import analyse
from mien_pipeline.clips.analysis import Analysis, cut_into_segments
from mien_pipeline.clips.as_animation import Wanted, write_as_animation
from mien_pipeline.clips.inspect import media_type_of, read_animation_watermark, read_watermark
from mien_pipeline.clips.journal import Journal, Tallies
from mien_pipeline.clips.orders import SegmentOrder, lay_out_orders
from mien_pipeline.clips.people import choose_people
from mien_pipeline.clips.render import ClipSwap, settle
from mien_pipeline.clips.report import ClipWarning, SwappedClip, VideoReport, explain_none, merge_tallies, report_people
from mien_pipeline.clips.room import count_wanted, require_room
from mien_pipeline.clips.segments import (
    SegmentHelper,
    SegmentMaker,
    SharedSegments,
    in_one_thread,
)
from mien_pipeline.face import Embedding
from mien_pipeline.media.clip.animated import convert_animation, count_pictures, is_animated, measure_last
from mien_pipeline.media.clip.encoders import choose_encoder
from mien_pipeline.media.clip.join import duration_of, join
from mien_pipeline.media.clip.probe import AudioTrack, ClipInfo, probe_clip, probe_part, require_animation
from mien_pipeline.media.clip.segment import EncoderSettings
from mien_pipeline.media.kinds import kind_of, read_head
from mien_pipeline.media.metadata import DESCRIPTIONS
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, Stopwatch
from mien_pipeline.protocols import ContentCheck, FaceEmbedder, FaceFollower
from mien_pipeline.report import Edit, ModelUse, Provenance
from mien_pipeline.swap_image import Reference, assign_references
from mien_pipeline.trust.marking import ResultMarker
from mien_pipeline.trust.watermark import Reading

SEGMENT = 48  # pictures; shorter ones cost bytes (30: + 9 %, 60: + 3 %), longer ones more lost work at a kill
_ANIMATION, _JOINED, _ANIMATED = "animation.mkv", "joined.part", "animated.part"
_MEANS = 90  # the least quality of the clip between: its losses must not show in the animation


@dataclass(frozen=True, slots=True)
class ClipComponents:
    """What every swap of a clip is made with, loaded once."""

    follower: FaceFollower
    embedder: FaceEmbedder
    check: ContentCheck
    marker: ResultMarker
    models: Sequence[ModelUse] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ClipTarget:
    """A clip that is to be edited.

    Attributes:
        source: the file that was named; of an animation `clip` is a copy in another format.
        clip: as `open_target` found it.
        options: the clip's.
        folder: of this run, by `run_names.name_run`. What is finished there is not made again; it is gone afterwards.
        write: is handed what makes the finished file at a path, and gives that its name.
        segment: pictures of a segment.
        helpers: other processes that render segments too, set up for this clip.
        look: where an analysis of this clip and part may lie, so that it is not made again; see `run_names.name_look`.
    """

    source: Path
    clip: ClipInfo
    options: ClipOptions
    folder: Path
    write: Callable[[Callable[[Path], None]], object]
    segment: int = SEGMENT
    helpers: Sequence[SegmentHelper] = ()
    look: Path | None = None

    @property
    def media_type(self) -> str:
        """That of the file that was named; it is recorded as the parent's."""
        is_clip = self.source == self.clip.path
        return media_type_of(self.clip) if is_clip else f"image/{kind_of(read_head(self.source))}"

    def count_segments(self) -> int:
        """How many segments the clip has at most, as far as is known before it is analysed."""
        return len(cut_into_segments(self.clip.frames, self.segment))


@dataclass(frozen=True, slots=True, eq=False)
class ClipJob:
    """One swap of a clip, as it was asked for.

    Attributes:
        target: the clip.
        options: the engine's.
        references: prepared by that engine.
        likes: who is in each of the pictures that `options.likes` names.
        engine_models: the weight files that the engine used.
    """

    target: ClipTarget
    options: SwapOptions
    references: Sequence[Reference]
    likes: Sequence[Embedding] = ()
    engine_models: Sequence[ModelUse] = ()


def open_target(
    source: Path,
    options: ClipOptions,
    folder: Path,
    write: Callable[[Callable[[Path], None]], object],
) -> ClipTarget:
    """The clip, if it can be edited so; before any work. An animation is laid into the folder as a clip.

    Raises:
        UnsupportedClip, HdrClip, ClipTooLong: as `probe_part` and `require_animation` say.
        InvalidOptions: `field` is the option that does not go with this clip.
    """
    path = source
    if is_animated(source):
        path = Journal(folder).folder / _ANIMATION
        convert_animation(source, path)
    clip = probe_part(path, options.begin_s, options.end_s)
    require_animation(options.format, clip.seen_size, count_wanted(clip, options))
    choose_encoder(clip, options.encoder)
    return ClipTarget(source, clip, options, folder, write)


def swap_clip(job: ClipJob, components: ClipComponents, clock: Stopwatch) -> SwappedClip:
    """Swap the faces of a clip.

    Args:
        job: what is wanted.
        components: the loaded networks.
        clock: tells its listener about every step; what that raises ends the run, and what is finished stays.

    Raises:
        NoFaceFound: the clip shows no face that can be swapped; `role` is "target".
        InvalidOptions: `field` names the option that this clip cannot fulfil.
        ContentBlocked, CheckUnavailable: as the check says.
        MarkingFailed: the result could not be marked, so there is none.
        DiskFull: there is no room for the segments.
    """
    target = job.target
    with naming_disk_errors(target.folder.parent), in_one_thread():
        journal = Journal(target.folder)
        require_room(journal.folder, target.clip, target.options)
        analysis = _end_as_source(_look_once(target, components, journal, clock), target)
        rendered = _render(job, components, analysis, journal, clock)
        if not any(tally.swapped for tally in rendered.tallies.values()):
            raise explain_none(rendered.tallies.values())
        edit = Edit("swap", job.options.engine, job.options, (*components.models, *job.engine_models))
        with clock.stage("mark"):
            on_step = partial(clock.step, "mark", 0, 1)
            finished = _finish(rendered, target, components.marker, analysis, journal, edit, on_step)
        report = _report(job, analysis, rendered, finished, edit, clock)
        journal.clear()
    return report


@dataclass(frozen=True, slots=True)
class _Rendered:
    """What every segment counted, how they were made, and whether some were there already."""

    tallies: Tallies
    settings: EncoderSettings
    segments: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class _Finished:
    """What the watermark of the file reads, how many pictures it has, and which audio tracks are in it."""

    reading: Reading
    frames: int
    copied: Sequence[AudioTrack] = ()


def _finish(
    rendered: _Rendered,
    target: ClipTarget,
    marker: ResultMarker,
    analysis: Analysis,
    journal: Journal,
    edit: Edit,
    on_step: OnStep,
) -> _Finished:
    """Join the segments, read the watermark back, and hand the signed file over."""
    joined, animated, wanted = journal.folder / _JOINED, journal.folder / _ANIMATED, target.options
    paths = [journal.segment(number) for number in range(rendered.segments)]
    kinds = MEDIA_TYPES[wanted.format], target.media_type
    try:
        copied = join(joined, paths, target.clip, analysis.span, DESCRIPTIONS["swap"])
        if wanted.format == "mp4":
            made, clip = joined, probe_clip(joined)
            finished = _Finished(read_watermark(clip, marker.watermark), clip.frames, copied)
        else:
            made, how = animated, Wanted(wanted.format, wanted.quality)
            write_as_animation(joined, made, target.source, target.clip, analysis, how, edit, on_step)
            joined.unlink()
            finished = _Finished(read_animation_watermark(made, marker.watermark), count_pictures(made))
        target.write(lambda path: marker.sign_clip(made, path, kinds[0], target.source, kinds[1], edit))
    finally:
        for path in (joined, animated):
            path.unlink(missing_ok=True)
    return finished


def _look_once(target: ClipTarget, components: ClipComponents, journal: Journal, clock: Stopwatch) -> Analysis:
    with clock.stage("detect"):
        if (known := Analysis.load(journal.analysis)) is not None:
            return known
        if target.look and (known := Analysis.load(target.look)) is not None:
            known.save(journal.analysis)  # where helpers read it, too
            return known
        found = analyse(
            target.clip,
            (target.options.begin_s, target.options.end_s),
            components.follower,
            components.embedder,
            components.check,
            components.marker.watermark,
            partial(clock.step, "detect", 0, 1),
        )
        found.save(journal.analysis)
        return found


def _end_as_source(analysis: Analysis, target: ClipTarget) -> Analysis:
    """The last picture is shown for as long as an animation shows it: the copy that is a clip does not say it."""
    span = analysis.span
    if target.source == target.clip.path or not span.is_whole:
        return analysis
    last = round(measure_last(target.source) / target.clip.time_base)
    return replace(analysis, span=replace(span, end=span.times[-1] + last))


def _render(
    job: ClipJob, components: ClipComponents, analysis: Analysis, journal: Journal, clock: Stopwatch
) -> _Rendered:
    """Make the segments that are not there."""
    target = job.target
    people = choose_people(analysis.people, job.options.faces, job.likes, components.embedder)
    chosen = assign_references(people, job.references)
    every = target.options.every
    settings = EncoderSettings(choose_encoder(target.clip, target.options.encoder), _quality_of(target.options))
    settled = settle(chosen, analysis.people)
    swap = ClipSwap(target.clip, analysis, settled, job.options, components.embedder, components.check, every)
    places = {person: job.references.index(reference) for person, reference in chosen.items()}
    cuts = cut_into_segments(len(analysis.span.times), target.segment)
    done = journal.begin(settings.identity)
    orders = [
        SegmentOrder(number, first, stop, places, settings.encoder.name, settings.quality, every)
        for number, (first, stop) in enumerate(cuts)
        if number not in done
    ]
    lay_out_orders(journal.folder, target.clip.path, orders)
    made = _make_all(orders, SegmentMaker(swap, settings, journal.folder), journal, target, clock)
    counted = done | made
    tallies = merge_tallies([counted[number] for number in sorted(counted)])
    return _Rendered(tallies, settings, len(counted), bool(done))


def _quality_of(options: ClipOptions) -> int:
    """That of the segments."""
    return options.quality if options.format == "mp4" else max(options.quality, _MEANS)


def _make_all(
    orders: Sequence[SegmentOrder], maker: SegmentMaker, journal: Journal, target: ClipTarget, clock: Stopwatch
) -> dict[int, Tallies]:
    """Make segments, with the target's helpers; what each counted."""
    count = len(maker.swap.analysis.span.times)
    there = count - sum(order.stop - order.first for order in orders)
    helpers = target.helpers[: max(0, len(orders) - 1)]
    with clock.stage("generate"):
        return SharedSegments(orders, journal).make_all(
            maker, helpers, lambda pictures: clock.step("generate", 0, 1, there + pictures, count)
        )


def _report(
    job: ClipJob,
    analysis: Analysis,
    rendered: _Rendered,
    finished: _Finished,
    edit: Edit,
    clock: Stopwatch,
) -> SwappedClip:
    clip, encoder, copied = job.target.clip, rendered.settings.encoder, finished.copied
    asked = job.target.options
    warnings: list[ClipWarning] = []
    if len(copied) < len(clip.audio):
        warnings.append("audio-dropped")
    if clip.others:
        warnings.append("streams-dropped")
    if asked.format == "mp4" and encoder.codec == "av1" and asked.encoder is None:
        warnings.append("new-codec")
    video = VideoReport(
        frames=finished.frames,
        duration_s=duration_of(analysis.span, clip.time_base),
        size=clip.seen_size,
        encoder=encoder.name if asked.format == "mp4" else asked.format,
        audio="copied" if copied else "none",
        segments=rendered.segments,
        resumed=rendered.resumed,
    )
    return SwappedClip(
        engine=edit.engine,
        seconds=clock.elapsed,
        stages=clock.seconds,
        video=video,
        people=tuple(report_people(analysis, rendered.tallies)),
        provenance=Provenance(c2pa=True, watermark=finished.reading.strength),
        models=tuple(edit.models),
        warnings=tuple(warnings),
        left_out=tuple(each for reference in job.references for each in reference.left_out),
    )
