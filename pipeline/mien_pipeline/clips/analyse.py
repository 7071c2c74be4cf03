"""The one pass over a clip before anything of it is changed: content, shots, faces, people, marks."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mien_core.errors import NoFaceFound
from mien_pipeline.clips.analysis import MARK_PARTS, Analysis, PersonSeen, TrackPlan
from mien_pipeline.clips.checks import find_next_check
from mien_pipeline.clips.people import average, find_people
from mien_pipeline.clips.steadiness import FADE_YAW_DEG, find_covered, find_drifted, find_stirred, plan_shares, smooth
from mien_pipeline.clips.tracks import CutFinder, Track, Tracker, require_mesh
from mien_pipeline.face import Face, Mesh
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.media.clip.frames import read_pictures, to_upright_rgb
from mien_pipeline.media.clip.join import Span
from mien_pipeline.media.clip.probe import ClipInfo, require_length
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import ContentCheck, FaceEmbedder, FaceFollower
from mien_pipeline.trust.check import check_clip_picture
from mien_pipeline.trust.watermark import Watermark, to_canonical

_MARKED_ON = 8  # pictures of a shot on which its watermark is worked out
_KEPT = 16  # pictures of a shot that are kept small for that, evenly spread


class _ContentChecks:
    """The content check of one picture after the other, beside what the caller does meanwhile."""

    def __init__(self, content_check: ContentCheck, beside: Executor) -> None:
        """`beside` has one thread."""
        self._check, self._beside = content_check, beside
        self._last: Future[None] | None = None

    def begin(self, image: Image, faces: Sequence[Face], at_s: float) -> None:
        """Begin with the picture at `at_s` when the one before has passed; raises as `check`, of that one."""
        self.finish()
        self._last = self._beside.submit(check_clip_picture, image, self._check, "target", faces, at_s)

    def finish(self) -> None:
        """Return when all have passed; raises as `check`."""
        if self._last:
            self._last.result()


class _Samples:
    """A few pictures of a stretch of unknown length, evenly spread."""

    def __init__(self) -> None:
        self._kept: list[Floats] = []
        self._every, self._count = 1, 0

    def add(self, image: Image) -> None:
        if self._count % self._every == 0:
            self._kept.append(to_canonical(image.pixels))
            if len(self._kept) > _KEPT:
                del self._kept[1::2]
                self._every *= 2
        self._count += 1

    def choose(self, count: int) -> list[Floats]:
        places = np.linspace(0, len(self._kept) - 1, min(count, len(self._kept))).round().astype(int)
        return [self._kept[place] for place in places]


def analyse(
    clip: ClipInfo,
    part: tuple[float | None, float | None],
    follower: FaceFollower,
    embedder: FaceEmbedder,
    content_check: ContentCheck,
    watermark: Watermark,
    on_step: OnStep,
) -> Analysis:
    """Look at every picture of the clip once.

    Args:
        clip: as `probe_clip` found it.
        part: seconds from which and to which it is wanted; None is its own beginning or end.
        follower, embedder: find faces, and say whose they are.
        content_check: looks at each shot, and once a second.
        watermark: works out a mark for each shot.
        on_step: told after every picture; what it raises ends the pass.

    Raises:
        NoFaceFound: no picture shows a face that can be followed; `role` is "target".
        ContentBlocked, CheckUnavailable: as `check_clip_picture` says; `stage` is "target".
        UnsupportedClip, ClipTooLong: a picture is damaged, or there are too many.
    """
    tracker = Tracker(follower, embedder)
    with ThreadPoolExecutor(1) as beside:
        checks = _ContentChecks(content_check, beside)
        span, shots, marks = _follow_faces(clip, part, tracker, checks, watermark, on_step)
        checks.finish()
    return _conclude(span, shots, tracker.finish(), marks, embedder)


def _follow_faces(
    clip: ClipInfo,
    part: tuple[float | None, float | None],
    tracker: Tracker,
    checks: _ContentChecks,
    watermark: Watermark,
    on_step: OnStep,
) -> tuple[Span, list[int], list[Floats]]:
    """Hand every picture to `tracker`, and some to `checks`: the pictures, the first of each shot, and its watermark.

    Arguments and errors as for `analyse`; the last picture's check may still be under way.
    """
    cuts, times, shots, marks, samples = CutFinder(), list[int](), list[int](), list[Floats](), _Samples()
    next_check, last = 0, 0
    for time, picture in read_pictures(clip, *part):
        number = len(times)
        image = Image(to_upright_rgb(picture, clip))
        if is_cut := cuts.is_cut(image.pixels):
            if shots:
                marks.append(watermark.mark_shot(samples.choose(_MARKED_ON)))
            shots.append(number)
            samples = _Samples()
        times.append(time)
        last = picture.duration or 0
        faces = tracker.add(number, len(shots) - 1, image, is_cut=is_cut)
        if is_cut or time >= next_check:
            next_check = find_next_check(time, clip.time_base)
            checks.begin(image, faces, float((time - clip.start) * clip.time_base))
        samples.add(image)
        require_length(float((time - times[0]) * clip.time_base), number)
        on_step(min(number + 1, clip.frames), clip.frames)
    if not times:
        raise NoFaceFound("that part of the clip holds no picture", role="target")
    marks.append(watermark.mark_shot(samples.choose(_MARKED_ON)))
    step = last or (int(np.median(np.diff(times))) if len(times) > 1 else round(1 / (25 * clip.time_base)))
    return Span(tuple(times), times[-1] + step, part == (None, None)), shots, marks


def _conclude(
    span: Span, shots: Sequence[int], tracks: Sequence[Track], marks: Sequence[Floats], embedder: FaceEmbedder
) -> Analysis:
    if not tracks:
        raise NoFaceFound("the clip shows no face that can be followed", role="target")
    people = find_people(tracks, embedder)
    owner = {place: person for person, places in enumerate(people) for place in places}
    stops = [*shots[1:], len(span.times)]
    plans = [
        _plan_track(track, owner[place], opens=track.first > shots[track.shot], closes=track.stop < stops[track.shot])
        for place, track in enumerate(tracks)
    ]
    seen = [
        PersonSeen(average([tracks[place] for place in places]), *_choose_portrait([tracks[place] for place in places]))
        for places in people
    ]
    whole = np.rint(np.stack(marks) * MARK_PARTS)
    return Analysis(
        span, tuple(shots), tuple(seen), tuple(plans), np.clip(whole, -127, 127).astype(np.int8), embedder.recogniser
    )


def _plan_track(track: Track, person: int, *, opens: bool, closes: bool) -> TrackPlan:
    meshes = smooth(np.stack([require_mesh(face) for face in track.faces]))
    covered = find_covered(track.textures)
    turned: NDArray[np.bool_] = np.array([abs(face.yaw_deg) > FADE_YAW_DEG for face in track.faces])
    shares = plan_shares(covered | turned, opens=opens, closes=closes)
    stirred, drifted = find_stirred(track.textures), find_drifted(track.textures)
    return TrackPlan(person, track.first, meshes, shares, covered, turned, stirred, drifted)


def _choose_portrait(tracks: Sequence[Track]) -> tuple[Pixels, Mesh]:
    portraits = [track.portrait for track in tracks if track.portrait is not None]
    return max(portraits, key=lambda portrait: portrait[0].size)
