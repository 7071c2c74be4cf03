"""A second attempt promises: only for faces that may look bad, with safer settings, and the better one is kept."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.attempt import CLEAN, DARK, SHADE, WORTH, Attempt, FaceTask, is_worth_it, may_look_bad, replace_face
from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Face, Mesh, Patch, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, Stopwatch, ignore_step
from mien_pipeline.skin.naturalness import Looks, Naturalness


@dataclass
class Tracker:
    """Finds each face so many pixels beside where it is expected, the first, the second and so on."""

    off: tuple[float, ...]
    looked: int = 0

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        self.looked += 1
        return np.asarray(mesh + np.array([self.off[self.looked - 1], 0, 0]), np.float32)


@dataclass
class Recorder:
    """A likeness that keeps the options it was rendered with."""

    likeness: MeshLikeness
    asked: list[SwapOptions] = field(default_factory=list[SwapOptions])

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        self.asked.append(options)
        return self.likeness.render(target, face, options, on_step)


FAR, NEAR = 20.0, 0.0


@pytest.fixture
def recorder(astronaut_likeness: MeshLikeness) -> Recorder:
    return Recorder(astronaut_likeness)


def attempt(
    portrait: Portrait, recorder: Recorder, tracker: Tracker | None, options: SwapOptions | None = None
) -> Attempt:
    return replace_face(FaceTask(*portrait, recorder, options or MeshOptions(), Stopwatch(), tracker))


def test_a_natural_face_is_made_once(models: ModelStore, detector: MeshDetector, recorder: Recorder) -> None:
    image = decode(models.path("demo-portraits", "mona_lisa.jpg").read_bytes())
    made = attempt(Portrait(image, detector.detect(image)[0]), recorder, Tracker((NEAR,)))
    assert (made.retried, len(recorder.asked)) == (False, 1)


def test_a_face_with_a_fault_is_tried_again_with_safer_settings_and_the_better_is_kept(
    astronaut: Portrait, recorder: Recorder
) -> None:
    made = attempt(astronaut, recorder, Tracker((FAR, NEAR)))
    first, second = recorder.asked
    assert isinstance(first, MeshOptions)
    assert second == first.make_safer()
    assert made.retried
    assert made.naturalness is not None
    assert made.naturalness.faults == ()
    plain = recorder.likeness.render(*astronaut, second, ignore_step)
    assert np.array_equal(made.patch.crop, plain.crop)


LIGHTER = Looks(landmarks=0.02, shade=SHADE - 0.01, lips=0.0)
DARKER = LIGHTER._replace(shade=SHADE + 0.01)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (Naturalness(CLEAN, (), LIGHTER), False),
        (Naturalness(CLEAN - 0.01, (), LIGHTER), True),
        (Naturalness(0.9, (), DARKER), True),
        (Naturalness(0.9, (), LIGHTER, DARK + 0.1), True),
        (Naturalness(CLEAN - 0.01), False),  # of an engine that does not say what it meant, and may take minutes
        (Naturalness(0.4, ("edge",)), True),
    ],
)
def test_a_face_is_tried_again_unless_it_is_clean_and_nothing_new_is_dark(first: Naturalness, again: bool) -> None:
    assert may_look_bad(first) is again


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        (Naturalness(0.4, ("edge",), DARKER), Naturalness(0.4, ("edge",), DARKER), True),
        (Naturalness(0.4, ("edge",)), Naturalness(0.4 + WORTH, ()), True),
        (Naturalness(0.4, ("edge",)), Naturalness(0.39 + WORTH, ()), False),
    ],
)
def test_a_second_attempt_of_an_engine_that_does_not_say_what_it_meant_stays_only_where_it_is_more_natural(
    first: Naturalness, second: Naturalness, stays: bool
) -> None:
    assert is_worth_it(second, first) is stays


def test_what_cannot_be_safer_or_is_not_measured_is_not_tried_again(astronaut: Portrait, recorder: Recorder) -> None:
    safest = MeshOptions().make_safer()
    assert safest is not None
    assert safest.make_safer() is None
    assert not attempt(astronaut, recorder, Tracker((FAR,)), safest).retried
    assert not attempt(astronaut, recorder, None).retried


def test_an_engine_that_does_not_say_what_it_meant_is_measured_by_what_is_found(
    astronaut: Portrait, admiral_likeness: MeshLikeness, detector: MeshDetector
) -> None:
    """`inswapper` and `flux` hand over a crop and a mask."""

    @dataclass
    class Silent:
        def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
            patch = admiral_likeness.render(target, face, options, on_step)
            assert patch.intent is not None
            return replace(patch, crop=patch.crop // 2, mask=(patch.intent.own > 0.5).astype(np.float32), intent=None)

    made = replace_face(FaceTask(*astronaut, Silent(), MeshOptions(), Stopwatch(), detector))
    assert made.naturalness is not None
    assert "edge" in made.naturalness.faults  # it is half as bright as its surroundings


def test_safer_settings_keep_what_a_person_asked_for_otherwise() -> None:
    asked = MeshOptions(shape=0.3, gaze="reference", seed=7, faces="all", format="png")
    safer = asked.make_safer()
    assert safer == replace_settings(asked, gaze="target", eyes="target", mask="features")


def test_a_second_attempt_has_the_targets_skin_and_eyes(astronaut: Portrait, recorder: Recorder) -> None:
    assert attempt(astronaut, recorder, Tracker((FAR, NEAR))).retried
    assert recorder.asked[1] == replace_settings(MeshOptions(), eyes="target", mask="features")
    patch, first = (recorder.likeness.render(*astronaut, asked, ignore_step) for asked in reversed(recorder.asked))
    assert not np.array_equal(patch.crop, first.crop)


@pytest.mark.parametrize("mask", ["face", "skin", "features"])
def test_what_a_person_chose_to_take_is_taken(
    astronaut: Portrait, recorder: Recorder, mask: Literal["face", "skin", "features"]
) -> None:
    assert not attempt(astronaut, recorder, Tracker((FAR,)), MeshOptions(mask=mask)).retried


def replace_settings(options: MeshOptions, **changes: object) -> MeshOptions:
    return options.model_copy(update=changes)


def test_a_second_attempt_by_the_mesh_is_the_same_whether_the_target_is_looked_at_again(
    astronaut: Portrait, astronaut_likeness: MeshLikeness
) -> None:
    first = astronaut_likeness.render(*astronaut, MeshOptions(), ignore_step)
    safer = MeshOptions().make_safer() or MeshOptions()
    anew = astronaut_likeness.render(*astronaut, safer, ignore_step)
    again = astronaut_likeness.render_again(*astronaut, safer, ignore_step, first.seen)
    assert np.array_equal(again.crop, anew.crop)
    assert not np.array_equal(again.crop, first.crop)
    assert again.warnings == anew.warnings


def test_what_the_first_attempt_saw_is_handed_to_the_second(
    astronaut: Portrait, astronaut_likeness: MeshLikeness
) -> None:
    class Again(Recorder):
        def render_again(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep, seen: object) -> Patch:
            handed.append(seen)
            return self.likeness.render_again(target, face, options, on_step, seen)

    handed, recorder = list[object](), Again(astronaut_likeness)
    made = attempt(astronaut, recorder, Tracker((FAR, NEAR)))
    assert made.retried
    assert len(recorder.asked) == len(handed) == 1
    assert handed[0] is not None
