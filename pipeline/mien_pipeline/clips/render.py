"""The pictures of one segment with new faces: a function of the clip, its analysis and the settings alone."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from mien_pipeline.clips.analysis import Analysis, PersonSeen, TrackPlan
from mien_pipeline.clips.carried import CarriedLikeness
from mien_pipeline.clips.checks import DueChecks, find_checks
from mien_pipeline.clips.looks import LOOK_EVERY, find_around, find_keys, find_looks, find_scored
from mien_pipeline.clips.marks import ShotMarks
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.detect import describe_face
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.clip.frames import Frame, Region, read_frames, to_upright_rgb, to_video_frame
from mien_pipeline.media.clip.probe import ClipInfo
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import ContentCheck, FaceEmbedder, KnowsClips, Likeness, SettlesOnPerson
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.swap_image import Reference
from mien_pipeline.trust.check import check_clip_picture

# Of a face's size, around it: what an engine looks at beside the face itself. The mesh engine's own margin is .35 of a
# face's width, and its network for hair and outline sees about a face's size around it.
MARGIN = 0.8
WAITING_BYTES = 80_000_000  # of pictures that wait for the next look; at 1280 × 720 those of any segment


@dataclass(slots=True)
class PersonTally:
    """What became of one person in one segment.

    Attributes:
        frames, swapped: pictures in which that person is seen, and has the new face.
        to_reference, to_target, before: likenesses of the pictures that were measured, in their order.
        warnings: how many pictures each is said of.
    """

    frames: int = 0
    swapped: int = 0
    to_reference: list[float] = field(default_factory=list[float])
    to_target: list[float] = field(default_factory=list[float])
    before: list[float] = field(default_factory=list[float])
    warnings: dict[str, int] = field(default_factory=dict[str, int])

    def warn(self, warning: str) -> None:
        self.warnings[warning] = self.warnings.get(warning, 0) + 1

    def add(self, other: "PersonTally") -> None:
        """Count what another segment counted."""
        self.frames += other.frames
        self.swapped += other.swapped
        for mine, theirs in (
            (self.to_reference, other.to_reference),
            (self.to_target, other.to_target),
            (self.before, other.before),
        ):
            mine += theirs
        for warning, count in other.warnings.items():
            self.warnings[warning] = self.warnings.get(warning, 0) + count


@dataclass(frozen=True, slots=True, eq=False)
class ClipSwap:
    """Reference faces in place of people of a clip.

    Attributes:
        clip, analysis: of the target.
        references: for each person who gets another face, by their place in `analysis.people`; see `settle`.
        options: the engine's.
        embedder: measures likeness.
        content_check: looks at what was made.
        every: of a face's pictures, which ones the engine renders; in those between, what it made is carried along.
        edges: what engines found in the outermost pictures of the last segment, by track and number: the next segment
            often begins with one of these. What is found depends on the picture alone.
    """

    clip: ClipInfo
    analysis: Analysis
    references: Mapping[int, Reference]
    options: SwapOptions
    embedder: FaceEmbedder
    content_check: ContentCheck
    every: int = 1
    edges: dict[tuple[int, int], object] = field(default_factory=dict[tuple[int, int], object])

    def render(
        self, first: int, stop: int, tallies: dict[int, PersonTally], on_frame: Callable[[], None]
    ) -> Iterator[Frame]:
        """Pictures `first` to before `stop`, with new faces and watermark; `tallies` counts what became of whom.

        Raises:
            ContentBlocked, CheckUnavailable: as the check says; `stage` is "result".
            UnsupportedClip: the file has changed.
        """
        planned = find_checks(self.analysis.span.times, self.analysis.shots, self.clip.time_base)
        due = DueChecks.begin(planned, first, self._is_shown)
        for frame in self._render(first, stop, tallies, due):
            on_frame()
            yield frame
        left = due.find_left(stop, len(self.analysis.span.times), self._is_shown)
        if left:
            all(due.is_due for _ in self._render(left.start, left.stop, {}, due))  # until one was looked at

    def _render(self, first: int, stop: int, tallies: dict[int, PersonTally], due: DueChecks) -> Iterator[Frame]:
        """As `render`; `due` says where the result is looked at."""
        known = _Known(self, first, stop)
        times = list(self.analysis.span.times[known.first : known.stop])
        marks, waiting = ShotMarks(self.analysis, self.clip), deque[tuple[int, Frame]]()
        for at, picture in enumerate(read_frames(self.clip, times), known.first):
            known.look(at, picture)
            if first <= at < stop:
                waiting.append((at, picture))
            while waiting and known.until(waiting[0][0]) <= at:
                number, frame = waiting.popleft()
                faces = self._replace_all(frame, number, known, tallies)
                if due.take(number, has_new_face=bool(faces)):
                    seen = Image(to_upright_rgb(to_video_frame(frame), self.clip))
                    check_clip_picture(seen, self.content_check, "result", faces, self._seconds_at(number))
                marks.add(frame, self.analysis.shot_of(number))
                yield frame

    def _replace_all(
        self, frame: Frame, number: int, known: "_Known", tallies: dict[int, PersonTally]
    ) -> Sequence[Face]:
        """The faces that were replaced in a picture."""
        replaced = [self._replace(frame, track, number, known, tallies) for track in self.tracks_at(number)]
        return [face for face in replaced if face is not None]

    def _is_shown(self, number: int) -> bool:
        """Whether a picture is to show a new face."""
        return any(track.shares[number - track.first] > 0 for track in self.tracks_at(number))

    def _seconds_at(self, number: int) -> float:
        return float((self.analysis.span.times[number] - self.clip.start) * self.clip.time_base)

    def tracks_at(self, number: int) -> Sequence[TrackPlan]:
        """The faces of a picture that are to be replaced, as far as they can be."""
        return [
            track
            for track in self.analysis.tracks
            if track.first <= number < track.stop and track.person in self.references
        ]

    def _replace(
        self, frame: Frame, track: TrackPlan, number: int, known: "_Known", tallies: dict[int, PersonTally]
    ) -> Face | None:
        """Put the new face in; None where the picture keeps its own."""
        tally, place = tallies.setdefault(track.person, PersonTally()), number - track.first
        tally.frames += 1
        for warning, there in (("occluded", track.covered), ("hard-angle", track.turned)):
            if there[place]:
                tally.warn(warning)
        share = float(track.shares[place])
        if share <= 0:
            return None
        face, region, before, local = self.cut_face(frame, track, place, known.find_margin(track, number))
        patch = known.render(before, local, track, number)
        for warning in patch.warnings:
            if warning != "occluded" or not track.covered[place]:
                tally.warn(warning)
        if not patch.mask.any():
            return None
        after = paste_back(before, patch)
        if known.is_scored(track, place):
            self._score(after, local, track.person, tally)
        frame.change_region(region, before.pixels, _mix(before.pixels, after.pixels, share))
        tally.swapped += 1
        return face

    def cut_face(
        self, frame: Frame, track: TrackPlan, place: int, margin: float = MARGIN
    ) -> tuple[Face, Region, Image, Face]:
        """A face of a picture, the region with `margin` of its size around it, what that shows, and the face in it."""
        face = describe_face(track.meshes[place], 1.0)
        left, top, right, bottom = (float(edge) for edge in face.bbox)
        region = Region.around((left, top, right, bottom), margin, self.clip)
        return face, region, Image(frame.read_region(region)), _shift(face, -region.left, -region.top)

    def _score(self, after: Image, face: Face, person: int, tally: PersonTally) -> None:
        """Measure a new face against the reference, and against the person as the analysis knows them."""
        was, wanted = self.analysis.people[person].embedding, self.references[person].embedding
        now = self.embedder.embed(after, face)
        tally.to_reference.append(self.embedder.similarity(now, wanted))
        tally.to_target.append(self.embedder.similarity(now, was))
        tally.before.append(self.embedder.similarity(was, wanted))


class _Known:
    """What is known of the pictures of one segment from a few of them: the same in every run.

    Engines look at some pictures of each track, or render those alone, also just outside the segment: see `find_looks`
    and `find_keys`.
    """

    def __init__(self, swap: ClipSwap, first: int, stop: int) -> None:
        self._swap = swap
        self._scored = {id(track): find_scored(track) for track in swap.analysis.tracks}
        self._likenesses = {person: _follow(each.likeness, swap.every) for person, each in swap.references.items()}
        self._tracks = [
            track
            for track in swap.analysis.tracks
            if track.first < stop and track.stop > first and self._find_follower(track) is not None
        ]
        apart = max(LOOK_EVERY, WAITING_BYTES // swap.clip.picture_bytes)
        self._looks = {
            id(track): find_keys(track, swap.every) if swap.every > 1 else find_looks(track, first, stop, apart)
            for track in self._tracks
        }
        self._edges = {
            (id(track), at)
            for track in self._tracks
            for number in (max(first, track.first), min(stop, track.stop) - 1)
            for at in self._around(track, number)
        }
        self._found = dict(swap.edges)
        swap.edges.clear()
        self.first = min([first, *(at for _, at in self._edges)])
        self.stop = max([stop - 1, *(at for _, at in self._edges)]) + 1

    def is_scored(self, track: TrackPlan, place: int) -> bool:
        """Whether likeness is measured at a picture of a track."""
        return place in self._scored[id(track)]

    def _find_follower(self, track: TrackPlan) -> KnowsClips | None:
        return self._likenesses.get(track.person)

    def _around(self, track: TrackPlan, number: int) -> tuple[int, int]:
        return find_around(self._looks[id(track)], number)

    def until(self, number: int) -> int:
        """The picture that has to be looked at before this one can be rendered."""
        here = [track for track in self._tracks if track.first <= number < track.stop]
        return max([number, *(self._around(track, number)[1] for track in here)])

    def look(self, number: int, frame: Frame) -> None:
        """Look at the faces of a picture, if it is one of those."""
        for track in self._tracks:
            key = id(track), number
            if number not in self._looks[id(track)] or not (follower := self._find_follower(track)):
                continue
            if key not in self._found:
                _, _, seen, local = self._swap.cut_face(frame, track, number - track.first)
                self._found[key] = follower.look(seen, local, self._swap.options)
            if key in self._edges:
                self._swap.edges[key] = self._found[key]

    def find_margin(self, track: TrackPlan, number: int) -> float:
        """Of the size of a track's face, how far around it picture `number` is looked at to render it."""
        if (follower := self._find_follower(track)) is None:
            return MARGIN
        is_known = any(self._found.get((id(track), at)) is not None for at in self._around(track, number))
        return follower.known_margin if is_known else MARGIN

    def render(self, seen: Image, local: Face, track: TrackPlan, number: int) -> Patch:
        """The face of a track in picture `number`; what was known of pictures that lie behind is forgotten."""
        options = self._swap.options
        if (follower := self._find_follower(track)) is None:
            return self._swap.references[track.person].likeness.render(seen, local, options, ignore_step)
        before, after = self._around(track, number)
        share = (number - before) / max(1, after - before)
        found = self._found[id(track), before], self._found[id(track), after]
        for past in [at for at in self._found if at[0] == id(track) and at[1] < before]:
            del self._found[past]
        return follower.render_known(seen, local, options, *found, share)


def settle(references: Mapping[int, Reference], people: Sequence[PersonSeen]) -> dict[int, Reference]:
    """References, by the places of `people` who get them, with all that their likenesses decide once of each."""
    return {
        person: replace(reference, likeness=_settle(reference.likeness, people[person]))
        for person, reference in references.items()
    }


def _settle(likeness: Likeness, person: PersonSeen) -> Likeness:
    if not isinstance(likeness, SettlesOnPerson):
        return likeness
    return likeness.settle(Image(person.portrait), describe_face(person.mesh, 1.0))


def _follow(likeness: Likeness, every: int) -> KnowsClips | None:
    """What renders a face from a few pictures of it; None where the likeness renders each by itself."""
    if every > 1:
        return CarriedLikeness(likeness)
    return likeness if isinstance(likeness, KnowsClips) else None


def _shift(face: Face, right: float, down: float) -> Face:
    move = np.array([right, down], np.float32)
    mesh = None if face.mesh is None else np.asarray(face.mesh + np.array([right, down, 0], np.float32), np.float32)
    bbox = np.asarray(face.bbox + np.concatenate([move, move]), np.float32)
    return replace(face, bbox=bbox, kps=np.asarray(face.kps + move, np.float32), mesh=mesh)


def _mix(before: Pixels, after: Pixels, share: float) -> Pixels:
    return after if share >= 1 else np.asarray(cv2.addWeighted(after, share, before, 1 - share, 0), np.uint8)
