"""One face replaced, measured, and where it came out unnatural tried a second time with safer settings."""

from dataclasses import dataclass, replace

from mien_pipeline.face import Face, Intent, Patch
from mien_pipeline.image import Image
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, Stopwatch
from mien_pipeline.protocols import FaceTracker, Likeness
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.naturalness import FinishedFace, Naturalness, measure, rate


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A picture with one face replaced, what the engine made of that face, and how natural it looks if measured."""

    image: Image
    patch: Patch
    naturalness: Naturalness | None = None
    retried: bool = False


def replace_face(
    before: Image,
    face: Face,
    likeness: Likeness,
    options: SwapOptions,
    on_step: OnStep,
    clock: Stopwatch,
    tracker: FaceTracker | None,
) -> Attempt:
    """The better of two attempts where the first has faults and the engine has safer options, else the first."""
    first = attempt_face(before, face, likeness, options, on_step, clock, tracker)
    safer = options.make_safer() if first.naturalness and first.naturalness.faults else None
    if not (first.naturalness and safer):
        return first
    second = attempt_face(before, face, likeness, safer, lambda _, total: on_step(total, total), clock, tracker)
    better = second.naturalness and second.naturalness.score > first.naturalness.score
    return replace(second if better else first, retried=True)


def attempt_face(
    before: Image,
    face: Face,
    likeness: Likeness,
    options: SwapOptions,
    on_step: OnStep,
    clock: Stopwatch,
    tracker: FaceTracker | None,
) -> Attempt:
    """One attempt at one face."""
    with clock.time("generate"):
        patch = likeness.render(before, face, options, on_step)
    with clock.time("blend"):
        image = paste_back(before, patch)
    if not (patch.intent and tracker):
        return Attempt(image, patch)
    with clock.time("judge"):
        return Attempt(image, patch, judge_naturalness(before, image, face, patch.intent, tracker))


def judge_naturalness(before: Image, after: Image, face: Face, intent: Intent, tracker: FaceTracker) -> Naturalness:
    """How natural a face of `before` looks in `after`."""
    was = face.mesh if face.mesh is not None else intent.mesh
    finished = FinishedFace(before.pixels, after.pixels, was, intent.mesh, intent.own, intent.to_own)
    return rate(measure(finished, intent.painted_over, tracker.look_again(after, intent.mesh)))
