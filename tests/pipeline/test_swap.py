"""`edit_picture` promises: stages in order, nothing out of a check that said no, nothing unmarked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import product
from threading import Event
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image as PillowImage

from mien_core.errors import Cancelled, ContentBlocked, InvalidOptions, NoFaceFound, ReferenceGlasses, SeveralFaces
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.accessories.glasses import Lens, draw_glasses
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Image, Pixels
from mien_pipeline.progress import STAGE_SHARES, OnStep, Progress, Stopwatch, begun_beside, ignore_step
from mien_pipeline.report import Edit, LeftOut, ModelUse, Swapped
from mien_pipeline.swap import Components, Early, begun_early, edit_picture, prepare
from mien_pipeline.swap_image import FaceSwap, Reference
from mien_testing.painted import (
    BLUE,
    LEFT,
    MIDDLE,
    RED,
    RIGHT,
    Detector,
    Embedder,
    FakeCheck,
    Marker,
    Paint,
    Painter,
    colours,
    picture,
)
from mien_testing.portraits import mesh_of
from mien_testing.profiles import exchanging_profile

SHARED = ModelUse("shared", "1" * 64)


def components(content_check: FakeCheck | None = None, marker: Marker | None = None) -> Components:
    return Components(Detector(), Embedder(), content_check or FakeCheck(), marker or Marker(), (SHARED,))


def likeness_of(colour: tuple[int, int, int]) -> Reference:
    return prepare([picture(MIDDLE, colour=colour)], Painter(), components(), Stopwatch())


def swap(
    target: bytes,
    parts: Components | None = None,
    listen: Callable[[Progress], None] | None = None,
    **options: object,
) -> Swapped:
    edit = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions.model_validate(options), Embedder())
    return edit_picture(target, edit, parts or components(), Stopwatch(listen) if listen else Stopwatch())


def test_pixels_outside_the_mask_stay_bit_identical() -> None:
    before = np.asarray(PillowImage.open(BytesIO(picture(LEFT, MIDDLE, RIGHT))))
    after = np.asarray(PillowImage.open(BytesIO(swap(picture(LEFT, MIDDLE, RIGHT)).data)))
    x1, y1, x2, y2 = MIDDLE
    changed = (before != after).any(2)
    assert changed[y1:y2, x1:x2].all()
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


def test_the_report_says_of_whole_pictures_whether_they_end_early() -> None:
    def save(*faces: tuple[int, int, int, int], lost: int = 0) -> bytes:
        out = BytesIO()
        PillowImage.open(BytesIO(picture(*faces))).convert("RGB").save(out, "JPEG", quality=100)
        return out.getvalue()[: -lost or None]

    whole, cut = save(MIDDLE), save(MIDDLE, lost=2)
    said = {}
    for target, reference in product((whole, cut), (whole, cut)):
        edit = FaceSwap(
            Painter(), [prepare([reference], Painter(), components(), Stopwatch())], MeshOptions(), Embedder()
        )
        done = edit_picture(target, edit, components(), Stopwatch())
        said[target == cut, reference == cut] = done.warnings, done.missing_rows
    assert said == {
        (False, False): ((), None),
        (False, True): (("reference-incomplete",), None),
        (True, False): (("incomplete",), 0),
        (True, True): (("incomplete", "reference-incomplete"), 0),
    }


def test_a_reference_without_a_face_says_so() -> None:
    with pytest.raises(NoFaceFound) as refused:
        prepare([picture()], Painter(), components(), Stopwatch())
    assert refused.value.fields == {"role": "reference"}


def test_a_reference_with_two_faces_of_a_size_is_refused_and_one_with_a_passer_by_is_not() -> None:
    rivals = Components(Detector((4, 4, 24, 24), (40, 4, 64, 28)), Embedder(), FakeCheck(), Marker())
    with pytest.raises(SeveralFaces) as refused:
        prepare([picture((4, 4, 24, 24), (40, 4, 64, 28))], Painter(), rivals, Stopwatch())
    assert refused.value.fields == {"role": "reference", "found": 2}
    passer_by = prepare([picture(MIDDLE, RIGHT)], Painter(), components(), Stopwatch())
    assert passer_by.embedding.shape == (3,)


def test_a_picture_of_another_person_is_left_out_and_the_report_names_it() -> None:
    several = [picture(MIDDLE, colour=RED), picture(MIDDLE, colour=BLUE), picture(), picture(MIDDLE, colour=RED)]
    made_of_four = prepare(several, Painter(), components(), Stopwatch())
    assert made_of_four.embedding.tolist() == list(RED)
    edit = FaceSwap(Painter(), [likeness_of(RED), made_of_four], MeshOptions(faces=(0, 1)), Embedder())
    done = edit_picture(picture(LEFT, MIDDLE), edit, components(), Stopwatch())
    assert done.warnings == ("other-person", "face-not-shown")
    assert done.left_out == (LeftOut(1, "other-person", reference=1), LeftOut(2, "face-not-shown", reference=1))


class StillEngine(Painter):
    """An engine that must not be asked."""

    def prepare(self, portraits: Sequence[Portrait]) -> Paint:
        raise AssertionError("the engine was asked for a likeness")


def test_a_reference_whose_eyes_glasses_hide_is_refused_before_any_engine_works(
    detector: MeshDetector, astronaut: Portrait, admiral: Portrait
) -> None:
    def encode(portrait: Portrait, lens: Lens) -> bytes:
        out = BytesIO()
        worn = draw_glasses(portrait.image.pixels, mesh_of(portrait), "pilot", lens)
        PillowImage.fromarray(worn).save(out, "PNG")
        return out.getvalue()

    real = Components(detector, Embedder(), FakeCheck(), Marker())
    for portrait in (astronaut, admiral):
        for pictures in ([encode(portrait, "black")], [encode(portrait, "black"), encode(portrait, "black")]):
            with pytest.raises(ReferenceGlasses) as refused:
                prepare(pictures, StillEngine(), real, Stopwatch())
            assert refused.value.fields == {"found": len(pictures), "role": "reference"}
        assert prepare([encode(portrait, "clear")], Painter(), real, Stopwatch()).left_out == ()


def test_every_picture_of_a_person_passes_the_content_check() -> None:
    content_check = FakeCheck()
    prepare([picture(MIDDLE), picture(), picture(MIDDLE)], Painter(), components(content_check), Stopwatch())
    assert content_check.seen == ["reference"] * 3


class Upended(Detector):
    """Finds the rectangles upside down."""

    def detect(self, image: Image) -> Sequence[Face]:
        return [replace(face, roll_deg=180.0) for face in super().detect(image)]


def test_pictures_whose_faces_are_turned_pass_the_content_check_upright_too() -> None:
    """Reference, target and result, and before anything is rendered."""
    content_check = FakeCheck()
    parts = Components(Upended(), Embedder(), content_check, Marker())
    reference = prepare([picture(MIDDLE)], Painter(), parts, Stopwatch())
    edit = FaceSwap(Painter(), [reference], MeshOptions(), Embedder())
    edit_picture(picture(MIDDLE), edit, parts, Stopwatch())
    assert content_check.seen == ["reference"] * 2 + ["target"] * 2 + ["result"] * 2


def test_a_rival_of_exactly_half_the_area_is_still_a_passer_by() -> None:
    boxes = (4, 4, 24, 24), (40, 4, 50, 24)
    halved = Components(Detector(*boxes), Embedder(), FakeCheck(), Marker())
    assert prepare([picture(*boxes)], Painter(), halved, Stopwatch())


@pytest.mark.parametrize("stage", ["target", "result"])
def test_a_picture_that_the_content_check_stops_is_never_marked_or_returned(stage: str) -> None:
    content_check, marker = FakeCheck(closed=stage), Marker()
    with pytest.raises(ContentBlocked):
        swap(picture(MIDDLE), components(content_check, marker))
    assert content_check.seen[-1] == stage
    assert not marker.marked


def test_a_target_without_a_face_that_the_content_check_stops_is_stopped_by_it() -> None:
    """Faces are looked for while the check runs; what the check says comes first, however long it takes."""

    class Late(FakeCheck):
        def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
            assert searched.wait(timeout=10)
            super().check(pixels, stage, is_turned=is_turned)

    class Telling(Detector):
        def detect(self, image: Image) -> Sequence[Face]:
            searched.set()
            return super().detect(image)

    searched = Event()
    late = Components(Telling(), Embedder(), Late(closed="target"), Marker())
    with pytest.raises(ContentBlocked):
        swap(picture(), late)


def test_a_reference_without_a_face_that_the_content_check_stops_is_stopped_by_it() -> None:
    with pytest.raises(ContentBlocked):
        prepare([picture()], Painter(), components(FakeCheck(closed="reference")), Stopwatch())


def test_the_listener_is_told_of_every_stage_in_order_and_never_goes_back() -> None:
    told: list[Progress] = []
    swap(picture(LEFT, RIGHT), listen=told.append, faces="all")
    stages = list(dict.fromkeys(progress.stage for progress in told))
    assert stages == ["decode", "check", "detect", "generate", "check-result", "score", "mark"]
    assert [stage for stage in STAGE_SHARES if stage in stages] == stages
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)


def test_every_stage_has_its_seconds_and_they_are_no_more_than_the_whole() -> None:
    done = swap(picture(LEFT, RIGHT), faces="all")
    assert set(done.stages) == {"decode", "check", "detect", "generate", "blend", "check-result", "score", "mark"}
    assert sum(done.stages.values()) <= done.seconds


def test_cancelling_at_any_step_ends_the_swap_and_marks_nothing() -> None:
    steps: list[Progress] = []
    swap(picture(LEFT, RIGHT), listen=steps.append, faces="all")
    for last in range(len(steps)):
        marker, seen = Marker(), list[Progress]()

        def listen(progress: Progress, seen: list[Progress] = seen, last: int = last) -> None:
            seen.append(progress)
            if len(seen) > last:
                raise Cancelled("the person stopped it")

        with pytest.raises(Cancelled):
            swap(picture(LEFT, RIGHT), components(marker=marker), listen, faces="all")
        assert not marker.marked


def test_a_format_that_cannot_carry_the_result_is_refused_before_the_swap(photographs: Mapping[str, Pixels]) -> None:
    """Nothing is checked, detected or generated for it."""
    pixels = photographs["coffee.png"]
    data = BytesIO()
    PillowImage.fromarray(np.dstack((pixels, pixels[..., 0]))).save(data, "PNG")
    unreached = cast("Any", None)
    edit = FaceSwap(unreached, [], MeshOptions(format="jpeg"), unreached)
    with pytest.raises(InvalidOptions) as refused:
        edit_picture(data.getvalue(), edit, Components(unreached, unreached, unreached, unreached), Stopwatch())
    assert refused.value.fields["field"] == "format"


def test_the_options_reach_the_marks_as_the_value_that_was_asked_for() -> None:
    marker, options = Marker(), MeshOptions(seed=9, shape=0.2)
    edit = FaceSwap(Painter(), [likeness_of(RED)], options, Embedder())
    done = edit_picture(picture(MIDDLE), edit, components(marker=marker), Stopwatch())
    (marked,) = marker.edits
    assert marked == Edit("swap", "mesh", options, (SHARED, *Painter.models))
    assert marked.options is options
    assert done.models == (SHARED, *Painter.models)
    assert done.engine == "mesh"


@pytest.mark.parametrize("there", [True, False])
def test_a_marker_that_was_made_early_marks_and_else_one_of_the_whole_picture(there: bool) -> None:
    usual, early = Marker(), Marker()
    edit, parts = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions(), Embedder()), components(marker=usual)

    def begin(_: OnStep) -> Any:
        return early if there else None

    def copy(_: OnStep) -> Image | None:
        return None

    with begun_beside(copy) as small, begun_beside(begin) as begun:
        edit_picture(picture(MIDDLE), edit, parts, Stopwatch(), early=Early(small, begun))
    assert (len(early.edits), len(usual.edits)) == ((1, 0) if there else (0, 1))


class Sized(Marker):
    """Notes how large the pictures are from which its mark is worked out."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "Sized":
        self.sizes.append((original.width, original.height))
        return self


def expect_early(data: bytes, marker: Marker | None) -> object:
    with begun_early(data, marker) as early:
        return early.marker.made.result()


def test_what_a_marker_expects_of_a_photograph_it_expects_of_its_small_copy() -> None:
    marker, out = Sized(), BytesIO()
    PillowImage.new("RGB", (3200, 2400)).save(out, "JPEG")
    assert expect_early(out.getvalue(), marker) is marker
    assert expect_early(out.getvalue(), None) is None
    assert expect_early(picture(MIDDLE), marker) is None
    assert marker.sizes == [(400, 300)]


def test_a_photograph_is_marked_from_its_small_copy_whether_or_not_that_was_begun_with() -> None:
    """A process that has just started has begun with nothing; its results are those of a daemon."""

    marker, out = Sized(), BytesIO()
    wide = PillowImage.new("RGB", (1600, 1200), (128, 128, 128))
    wide.paste((0, 0, 255), MIDDLE)
    wide.save(out, "JPEG", quality=100, subsampling=0)
    edit = FaceSwap(Painter(), [likeness_of(RED)], MeshOptions(), Embedder())
    edit_picture(out.getvalue(), edit, components(marker=marker), Stopwatch())
    with begun_early(out.getvalue(), None) as without:
        edit_picture(out.getvalue(), edit, components(marker=marker), Stopwatch(), early=without)
    assert expect_early(out.getvalue(), marker) is marker
    assert marker.sizes[0] == marker.sizes[1] == marker.sizes[2] != wide.size


def test_the_result_that_is_marked_is_the_one_that_was_checked() -> None:
    done = swap(picture(LEFT, MIDDLE, RIGHT))
    assert colours(done.data)[1] == RED
    assert done.size == (100, 40)


def seen_through(alpha: int, *boxes: tuple[int, int, int, int], colour: tuple[int, int, int] = BLUE) -> bytes:
    """A picture on a grey page whose rectangles are stored in full colour and have that opacity."""
    pixels = np.full((40, 100, 4), (128, 128, 128, 255), np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = (*colour, alpha)
    data = BytesIO()
    PillowImage.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


class WhiteIsEmpty(Detector):
    """As `Detector`; what is nearly white is no face either."""

    def detect(self, image: Image) -> Sequence[Face]:
        assert image.alpha is None
        return [face for face in super().detect(image) if Embedder().embed(image, face).min() < 240]


@pytest.mark.parametrize("role", ["target", "reference"])
def test_a_face_that_only_the_stored_colours_show_is_none(role: str) -> None:
    parts = Components(WhiteIsEmpty(), Embedder(), FakeCheck(), Marker())
    hidden = seen_through(2, MIDDLE)
    looks: dict[str, Callable[[], object]] = {
        "target": lambda: swap(hidden, parts),
        "reference": lambda: prepare([hidden], Painter(), parts, Stopwatch()),
    }
    with pytest.raises(NoFaceFound) as refused:
        looks[role]()
    assert refused.value.fields["role"] == role
    assert swap(seen_through(200, MIDDLE), parts).faces[0].swapped


def test_a_reference_is_as_it_looks_on_a_page() -> None:
    half = prepare([seen_through(128, MIDDLE, colour=(0, 0, 0))], Painter(), components(), Stopwatch())
    assert half.embedding.tolist() == [127, 127, 127]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_faces_are_looked_for_and_compared_in_the_colours_that_are_seen(kind: str) -> None:
    """Under this profile blue is red: the reference is, too, so that the result is as red as the target."""
    data = BytesIO()
    exchanged = {"icc_profile": exchanging_profile(), "quality": 100}
    PillowImage.open(BytesIO(picture(MIDDLE))).save(data, kind, **exchanged)
    reference = prepare([data.getvalue()], Painter(), components(), Stopwatch())
    assert np.abs(reference.embedding - RED).max() <= 3
    edit = FaceSwap(Painter(), [reference], MeshOptions(), Embedder())
    done = edit_picture(data.getvalue(), edit, components(), Stopwatch())
    assert done.faces[0].identity is not None
    assert done.faces[0].identity.to_target > 0.98
    assert np.abs(np.array(colours(done.data)[1]) - RED).max() <= 3
