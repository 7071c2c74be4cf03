"""`FaceSwap` promises: each face its own reference, only changed faces restored and scored, honest warnings."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from mien_core.errors import InvalidOptions, NoFaceFound
from mien_pipeline.attempt import Attempt
from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Face, Mesh, Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, Stopwatch
from mien_pipeline.report import FaceReport, IdentityScores, Verdict
from mien_pipeline.swap_image import ChangedImage, FaceSwap, Reference, report_face
from mien_testing.painted import (
    BLUE,
    GREEN,
    LEFT,
    MIDDLE,
    RED,
    RIGHT,
    Detector,
    Embedder,
    Paint,
    Painter,
    face_at,
    picture,
)

TARGET = decode(picture(LEFT, MIDDLE, RIGHT))
FACES = Detector().detect(TARGET)
PLAIN = Patch(TARGET.pixels, np.eye(2, 3, dtype=np.float32), np.zeros((1, 1), np.float32))


def likeness_of(colour: tuple[int, int, int], reach: float = 1.0) -> Reference:
    paint = np.array(colour, np.float32)
    return Reference(Paint(paint, reach), paint)


@dataclass
class Restorer:
    """Paints nothing, and keeps which faces it was given and how much was asked for."""

    name: str = "vivid"
    asked: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def restore(self, image: Image, face: Face, amount: float, on_step: OnStep) -> Patch:
        self.asked.append((float(face.bbox[0]), amount))
        on_step(1, 1)
        return Patch(image.pixels[:1, :1], np.eye(2, 3, dtype=np.float32), np.zeros((1, 1), np.float32))


def swap(
    *references: Reference, restorer: Restorer | None = None, **options: object
) -> tuple[ChangedImage, list[FaceReport]]:
    edit = FaceSwap(Painter(), references, MeshOptions.model_validate(options), Embedder(), restorer)
    chosen = edit.choose(TARGET, FACES)
    made = edit.change(TARGET, FACES, chosen, Stopwatch())
    return made, edit.judge(TARGET, made, FACES, chosen)


def colours(image: Image) -> list[tuple[int, ...]]:
    return [
        tuple(int(value) for value in image.pixels[(y1 + y2) // 2, (x1 + x2) // 2])
        for x1, y1, x2, y2 in (LEFT, MIDDLE, RIGHT)
    ]


def test_the_largest_face_is_swapped_when_none_is_named() -> None:
    assert colours(swap(likeness_of(RED))[0].image) == [BLUE, RED, BLUE]


def test_all_faces_get_the_one_reference() -> None:
    assert colours(swap(likeness_of(RED), faces="all")[0].image) == [RED, RED, RED]


def test_each_chosen_face_gets_the_reference_in_its_place() -> None:
    """`faces` [2, 0] with two references: the first belongs to the rightmost face."""
    made, reports = swap(likeness_of(RED), likeness_of(GREEN), faces=(2, 0))
    assert colours(made.image) == [GREEN, BLUE, RED]
    assert [report.identity.to_reference for report in reports if report.identity] == [1.0, 1.0]


@pytest.mark.parametrize("faces", [(3,), (0, 7), ()])
def test_a_face_that_is_not_there_is_refused_with_the_number_found(faces: tuple[int, ...]) -> None:
    with pytest.raises(InvalidOptions) as refused:
        swap(likeness_of(RED), faces=faces)
    assert refused.value.fields == {"field": "faces", "found": 3}


@pytest.mark.parametrize("references", [0, 2, 4])
def test_another_number_of_references_than_faces_is_refused_before_the_work(references: int) -> None:
    edit = FaceSwap(Painter(), [likeness_of(RED)] * references, MeshOptions(faces="all"), Embedder())
    with pytest.raises(InvalidOptions) as refused:
        edit.choose(TARGET, FACES)
    assert refused.value.fields["field"] == "references"


COLOURED = replace(TARGET, pixels=decode(picture(LEFT, MIDDLE, RIGHT)).pixels.copy())
for (x1, y1, x2, y2), colour in ((LEFT, RED), (RIGHT, GREEN)):
    COLOURED.pixels[y1:y2, x1:x2] = colour


def alike(*colours: tuple[int, int, int]) -> FaceSwap:
    named = MeshOptions.model_validate({"faces": {"like": [f"sha256:{place:064}" for place in range(len(colours))]}})
    references = [likeness_of(BLUE)] * len(colours)
    return FaceSwap(Painter(), references, named, Embedder(), likes=[np.array(each, np.float32) for each in colours])


def test_the_faces_that_are_like_a_picture_are_chosen_in_the_order_of_the_pictures() -> None:
    assert alike(GREEN).choose(COLOURED, FACES) == (2,)
    assert alike(GREEN, RED).choose(COLOURED, FACES) == (2, 0)


def test_two_people_never_get_the_same_face_and_the_nearer_one_gets_it() -> None:
    reddish = (180, 50, 50)
    assert alike(reddish, RED).choose(COLOURED, FACES)[1] == 0
    assert len(set(alike(reddish, RED, RED).choose(COLOURED, FACES))) == 3


def test_more_people_than_faces_are_refused_with_the_number_found() -> None:
    with pytest.raises(InvalidOptions) as refused:
        alike(RED, RED, GREEN, BLUE).choose(COLOURED, FACES)
    assert refused.value.fields == {"field": "faces", "found": 3}


@pytest.mark.parametrize("faces", ["all", "largest", (0,)])
def test_a_target_without_a_face_says_so(faces: object) -> None:
    edit = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions.model_validate({"faces": faces}), Embedder())
    with pytest.raises(NoFaceFound) as refused:
        edit.choose(TARGET, [])
    assert refused.value.fields == {"role": "target"}


def test_a_target_whose_only_face_cannot_be_swapped_is_refused_with_the_reason() -> None:
    """An engine leaves a face alone by an empty mask; the target is never handed back as if it had been swapped."""
    with pytest.raises(NoFaceFound) as refused:
        swap(likeness_of(RED, reach=0))
    assert refused.value.fields == {"role": "target", "warnings": ["small-face"]}


def test_only_faces_that_were_changed_are_restored() -> None:
    """The engine leaves the left face alone: what it shows is the target's own skin, and no one asked to touch it."""
    restorer = Restorer()
    made, reports = swap(
        likeness_of(RED, reach=0), likeness_of(GREEN), likeness_of(RED), faces="all", restorer=restorer, restore=0.4
    )
    assert made.changed == [1, 2]
    assert restorer.asked == [(MIDDLE[0], 0.4), (RIGHT[0], 0.4)]
    assert [report.swapped for report in reports] == [False, True, True]


def test_nothing_is_restored_unless_it_is_asked_for() -> None:
    restorer = Restorer()
    swap(likeness_of(RED), restorer=restorer)
    assert restorer.asked == []


def test_scores_say_who_the_result_is_and_who_the_target_was() -> None:
    face = swap(likeness_of(RED))[1][1]
    assert face.identity is not None
    assert face.identity.to_reference == pytest.approx(1.0)
    assert face.identity.before == face.identity.to_target < 0.5
    assert face.warnings == ("small-face",)


def test_where_the_new_face_is_elsewhere_score_restorer_and_report_look_there() -> None:
    """The engine paints the middle face, and says that the new one is where the right one was."""

    @dataclass
    class Elsewhere:
        paint: Paint

        def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
            return replace(self.paint.render(target, face, options, on_step), face=FACES[2])

    restorer = Restorer()
    paint = Paint(np.array(RED, np.float32), 1.0)
    reference = Reference(Elsewhere(paint), np.array(BLUE, np.float32))
    _, reports = swap(reference, restorer=restorer, restore=0.5)
    report = reports[1]
    assert report.bbox == tuple(FACES[2].bbox)
    assert report.identity is not None
    assert report.identity.to_reference == 1.0, "the right face is still blue"
    assert [left for left, _ in restorer.asked] == [FACES[2].bbox[0]]


def test_a_result_that_is_the_target_still_says_so_instead_of_whose_face_it_is_not() -> None:
    warnings = swap(likeness_of(RED, reach=0.2))[1][1].warnings
    assert ("hardly-changed" in warnings, "weak-identity" in warnings) == (True, False)


@pytest.mark.parametrize(
    ("to_reference", "to_target", "verdict"),
    [(0.7, 0.3, "clear"), (0.51, 0.5, "partial"), (0.5, 0.5, "not"), (0.49, 0.5, "not"), (0.44, -0.2, "not")],
)
def test_the_verdict_stands_beside_weak_identity_only_where_it_is_not(
    to_reference: float, to_target: float, verdict: Verdict
) -> None:
    scores, patch = IdentityScores("fake", to_reference, to_target, 0.0), PLAIN
    report = report_face(0, face_at(LEFT), scores, (), Attempt(TARGET, patch))
    assert report.verdict == verdict
    assert ("weak-identity" in report.warnings) is (verdict == "not")
    assert "hardly-changed" not in report.warnings


def test_a_restoration_has_no_verdict_and_is_no_weak_identity() -> None:
    report = report_face(0, face_at(LEFT), IdentityScores("fake", 0.2, 0.2, 1.0))
    assert (report.verdict, report.warnings, report.swapped) == (None, (), True)


def test_a_face_left_alone_is_reported_as_not_swapped_and_unscored() -> None:
    left, _, right = swap(likeness_of(RED))[1]
    assert (left.swapped, right.swapped) == (False, False)
    assert (left.identity, left.verdict, left.naturalness) == (None, None, None)
    assert left.warnings == ()


def test_what_a_picture_lost_when_it_was_read_is_said_of_every_face() -> None:
    grey = replace(TARGET, warnings=("grey",))
    edit = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions(), Embedder())
    made = edit.change(grey, FACES, [1], Stopwatch())
    assert [report.warnings for report in edit.judge(grey, made, FACES, [1])] == [
        ("grey",), ("grey", "small-face"), ("grey",),
    ]  # fmt: skip


def test_a_warning_is_said_once() -> None:
    patch = replace(PLAIN, warnings=("grey", "occluded"))
    assert report_face(0, face_at(LEFT), None, ("grey",), Attempt(TARGET, patch)).warnings == ("grey", "occluded")


@dataclass
class Tracker:
    """Finds every face `off` pixels to the right of where it is expected."""

    off: float = 0.0

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        return np.asarray(mesh + np.array([self.off, 0, 0]), np.float32)


def test_a_swap_of_a_face_is_measured_where_the_engine_meant_it_to_be(
    astronaut: Portrait, astronaut_likeness: MeshLikeness
) -> None:
    image, face = astronaut
    for tracker, fault in ((Tracker(), False), (Tracker(20.0), True)):
        reference = Reference(astronaut_likeness, np.array(RED, np.float32))
        edit = FaceSwap(Painter(), [reference], MeshOptions(), Embedder(), tracker=tracker)
        made = edit.change(image, [face], [0], Stopwatch())
        (report,) = edit.judge(image, made, [face], [0])
        assert report.naturalness is not None
        assert ("landmarks" in report.faults, report.naturalness < 0.5) == (fault, fault)


@pytest.mark.parametrize("has_mesh", [True, False])
def test_an_engine_that_does_not_say_what_it_intended_is_measured_where_there_is_a_mesh(has_mesh: bool) -> None:
    edit = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions(), Embedder(), tracker=Tracker())
    faces = [each if has_mesh else replace(each, mesh=None) for each in FACES]
    made = edit.change(TARGET, faces, [1], Stopwatch())
    report = edit.judge(TARGET, made, faces, [1])[1]
    assert (report.swapped, report.naturalness is not None) == (True, has_mesh)


def test_without_a_second_look_nothing_is_measured(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    image, face = astronaut
    edit = FaceSwap(Painter(), [Reference(astronaut_likeness, np.array(RED, np.float32))], MeshOptions(), Embedder())
    assert edit.change(image, [face], [0], Stopwatch()).attempts[0].naturalness is None
