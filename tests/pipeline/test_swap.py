"""`swap()` promises: stages in order, each face its own reference, no result after a refusal."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from threading import Event

import numpy as np
import pytest
from PIL import Image as PillowImage

from mien_core.errors import Cancelled, ContentBlocked, InvalidOptions, NoFaceFound, SeveralFaces
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.options import Format, SwapOptions
from mien_pipeline.progress import OnStep, Progress
from mien_pipeline.report import Marked, ModelUse, Provenance, Swapped
from mien_pipeline.swap import Parts, Reference, Stopwatch, describe, prepare, swap

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)
LEFT, MIDDLE, RIGHT = (4, 10, 24, 30), (40, 4, 70, 34), (84, 10, 94, 20)


def face_at(bbox: tuple[int, int, int, int]) -> Face:
    return Face(np.array(bbox, np.float32), 0.9, np.zeros((5, 2), np.float32), np.zeros((468, 3), np.float32), 0.99)


def picture(*boxes: tuple[int, int, int, int], colour: tuple[int, int, int] = BLUE) -> bytes:
    """A grey PNG with one coloured rectangle for every face."""
    pixels = np.full((40, 100, 3), 128, np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = colour
    data = BytesIO()
    PillowImage.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


class Detector:
    """Finds the rectangles that are neither grey nor absent."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes or (LEFT, MIDDLE, RIGHT)

    def detect(self, image: Image) -> Sequence[Face]:
        return [face_at(box) for box in self.boxes if tuple(image.pixels[box[1] + 1, box[0] + 1]) != (128, 128, 128)]


class Embedder:
    recogniser = "colour of the middle"

    def embed(self, image: Image, face: Face) -> Floats:
        x1, y1, x2, y2 = face.bbox.astype(int)
        return np.asarray(image.pixels[(y1 + y2) // 2, (x1 + x2) // 2], np.float32)

    def similarity(self, one: Floats, other: Floats) -> float:
        return 1.0 - float(np.abs(one - other).max()) / 255


class Paint:
    """The likeness of a face here is its colour."""

    def __init__(self, colour: Floats, reach: float = 1.0) -> None:
        self.colour, self.reach = colour, reach

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        x1, y1, x2, y2 = face.bbox.astype(int)
        old = target.pixels[y1:y2, x1:x2]
        for step in range(2):
            on_step(step + 1, 2)
        crop = (self.reach * self.colour + (1 - self.reach) * old).astype(np.uint8)
        affine = np.array([[1, 0, -x1], [0, 1, -y1]], np.float32)
        return Patch(
            np.broadcast_to(crop, old.shape),
            affine,
            np.full(old.shape[:2], self.reach > 0, np.float32),
            ("small-face",),
        )


class Painter:
    name = "mesh"
    models = (ModelUse("paint", "0" * 64),)

    def __init__(self, reach: float = 1.0) -> None:
        self.reach = reach

    def prepare(self, reference: Image, face: Face) -> Paint:
        return Paint(Embedder().embed(reference, face), self.reach)


class FakeCheck:
    """A content check that lets through all but one stage, and remembers what it saw."""

    def __init__(self, closed: str | None = None) -> None:
        self.closed, self.seen = closed, list[str]()

    def check(self, pixels: Pixels, stage: str) -> None:
        self.seen.append(stage)
        if stage == self.closed:
            raise ContentBlocked("the content check stopped this picture", stage=stage)


class Marker:
    def __init__(self) -> None:
        self.marked: list[Image] = []

    def mark(
        self,
        result: Image,
        target: bytes,
        settings: Mapping[str, object],
        models: Sequence[ModelUse],
        format: Format | None = None,
    ) -> Marked:
        self.marked.append(result)
        data = BytesIO()
        PillowImage.fromarray(result.pixels).save(data, "PNG")
        return Marked(data.getvalue(), "image/png", Provenance(c2pa=True, watermark="strong"))


def parts(check: FakeCheck | None = None, marker: Marker | None = None, reach: float = 1.0) -> Parts:
    return Parts(Detector(), Embedder(), check or FakeCheck(), Painter(reach), marker or Marker())


def likeness_of(colour: tuple[int, int, int], reach: float = 1.0) -> Reference:
    return prepare(picture(MIDDLE, colour=colour), parts(reach=reach), Stopwatch())


def swapped(*references: Reference, **options: object) -> Swapped:
    made = MeshOptions.model_validate(options)
    return swap(picture(LEFT, MIDDLE, RIGHT), references, made, parts(), Stopwatch())


def colours(result: Swapped) -> list[tuple[int, ...]]:
    """The colours of the three faces, left to right."""
    pixels = np.asarray(PillowImage.open(BytesIO(result.data)))
    return [
        tuple(int(value) for value in pixels[(y1 + y2) // 2, (x1 + x2) // 2])
        for x1, y1, x2, y2 in (LEFT, MIDDLE, RIGHT)
    ]


def test_the_largest_face_is_swapped_when_nobody_says_which() -> None:
    assert colours(swapped(likeness_of(RED))) == [BLUE, RED, BLUE]


def test_all_faces_get_the_one_reference() -> None:
    assert colours(swapped(likeness_of(RED), faces="all")) == [RED, RED, RED]


def test_each_chosen_face_gets_the_reference_in_its_place() -> None:
    """`faces` [2, 0] with two references: the first belongs to the rightmost face."""
    assert colours(swapped(likeness_of(RED), likeness_of(GREEN), faces=(2, 0))) == [GREEN, BLUE, RED]


def test_pixels_outside_the_mask_stay_bit_identical() -> None:
    before = np.asarray(PillowImage.open(BytesIO(picture(LEFT, MIDDLE, RIGHT))))
    after = np.asarray(PillowImage.open(BytesIO(swapped(likeness_of(RED)).data)))
    x1, y1, x2, y2 = MIDDLE
    changed = (before != after).any(2)
    assert changed[y1:y2, x1:x2].all()
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


@pytest.mark.parametrize("faces", [(3,), (0, 7), ()])
def test_a_face_that_is_not_there_is_refused_with_the_number_found(faces: tuple[int, ...]) -> None:
    with pytest.raises(InvalidOptions) as refused:
        swapped(likeness_of(RED), faces=faces)
    assert refused.value.fields == {"field": "faces", "found": 3}


def test_two_references_for_three_faces_are_refused() -> None:
    with pytest.raises(InvalidOptions) as refused:
        swapped(likeness_of(RED), likeness_of(GREEN), faces="all")
    assert refused.value.fields["field"] == "references"


def test_a_target_without_a_face_says_so() -> None:
    with pytest.raises(NoFaceFound) as refused:
        swap(picture(), [likeness_of(RED)], MeshOptions(), parts(), Stopwatch())
    assert refused.value.fields == {"role": "target"}


def test_a_reference_without_a_face_says_so() -> None:
    with pytest.raises(NoFaceFound) as refused:
        prepare(picture(), parts(), Stopwatch())
    assert refused.value.fields == {"role": "reference"}


def test_a_reference_with_two_faces_of_a_size_is_refused_and_one_with_a_passer_by_is_not() -> None:
    rivals = Parts(Detector((4, 4, 24, 24), (40, 4, 64, 28)), Embedder(), FakeCheck(), Painter(), Marker())
    with pytest.raises(SeveralFaces):
        prepare(picture((4, 4, 24, 24), (40, 4, 64, 28)), rivals, Stopwatch())
    assert prepare(picture(MIDDLE, RIGHT), parts(), Stopwatch()).embedding.shape == (3,)


@pytest.mark.parametrize("stage", ["target", "result"])
def test_a_picture_that_the_content_check_stops_is_never_marked_or_returned(stage: str) -> None:
    check, marker = FakeCheck(closed=stage), Marker()
    with pytest.raises(ContentBlocked):
        swap(picture(MIDDLE), [likeness_of(RED)], MeshOptions(), parts(check, marker), Stopwatch())
    assert check.seen[-1] == stage
    assert not marker.marked


def test_a_target_without_a_face_that_the_content_check_stops_is_stopped_by_it() -> None:
    """Faces are looked for while the check runs; what the check says comes first, however long it takes."""

    class Late(FakeCheck):
        def check(self, pixels: Pixels, stage: str) -> None:
            assert searched.wait(timeout=10)
            super().check(pixels, stage)

    class Telling(Detector):
        def detect(self, image: Image) -> Sequence[Face]:
            searched.set()
            return super().detect(image)

    searched = Event()
    late = Parts(Telling(), Embedder(), Late(closed="target"), Painter(), Marker())
    with pytest.raises(ContentBlocked):
        swap(picture(), [likeness_of(RED)], MeshOptions(), late, Stopwatch())


def test_a_reference_passes_the_content_check_before_its_face_is_looked_for() -> None:
    with pytest.raises(ContentBlocked):
        prepare(picture(), parts(FakeCheck(closed="reference")), Stopwatch())


def test_progress_only_goes_forward_and_names_every_stage() -> None:
    told: list[Progress] = []
    clock = Stopwatch(told.append)
    swap(picture(LEFT, RIGHT), [likeness_of(RED)], MeshOptions(faces="all"), parts(), clock)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert list(clock.seconds) == ["decode", "detect", "check", "generate", "blend", "score", "check-result", "mark"]


def test_cancelling_at_any_step_ends_the_swap_and_marks_nothing() -> None:
    steps: list[Progress] = []
    swap(picture(LEFT, RIGHT), [likeness_of(RED)], MeshOptions(faces="all"), parts(), Stopwatch(steps.append))
    for last in range(len(steps)):
        marker, seen = Marker(), list[Progress]()

        def listen(progress: Progress, seen: list[Progress] = seen, last: int = last) -> None:
            seen.append(progress)
            if len(seen) > last:
                raise Cancelled("the person stopped it")

        with pytest.raises(Cancelled):
            swap(
                picture(LEFT, RIGHT),
                [likeness_of(RED)],
                MeshOptions(faces="all"),
                parts(marker=marker),
                Stopwatch(listen),
            )
        assert not marker.marked


def test_a_target_whose_only_face_cannot_be_swapped_is_refused_with_the_reason() -> None:
    """An engine leaves a face alone by an empty mask; the target is never handed back as if it had been swapped."""
    with pytest.raises(NoFaceFound) as refused:
        swap(picture(MIDDLE), [likeness_of(RED, reach=0)], MeshOptions(), parts(), Stopwatch())
    assert refused.value.fields == {"role": "target", "warnings": ["small-face"]}


def test_scores_say_who_the_result_is_and_who_the_target_was() -> None:
    face = swapped(likeness_of(RED)).faces[1]
    assert face.identity is not None
    assert face.identity.to_reference == pytest.approx(1.0)
    assert face.identity.before == face.identity.to_target < 0.5
    assert face.warnings == ("small-face",)


def test_a_result_nearer_to_the_target_carries_weak_identity() -> None:
    assert "weak-identity" in swapped(likeness_of(RED, reach=0.2)).faces[1].warnings


def test_a_face_left_alone_is_reported_as_not_swapped() -> None:
    left, _, right = swapped(likeness_of(RED)).faces
    assert (left.swapped, right.swapped) == (False, False)
    assert left.identity is None


def test_the_report_has_the_fields_that_scripts_rely_on() -> None:
    report = describe(swapped(likeness_of(RED)))
    assert {"engine", "seconds", "stages", "size", "faces", "provenance", "models"} == set(report)
    assert report["size"] == [100, 40]
    assert report["provenance"] == {"c2pa": True, "watermark": "strong"}
    faces = report["faces"]
    assert isinstance(faces, list)
    assert faces[1]["bbox"] == [40.0, 4.0, 70.0, 34.0]
    assert set(faces[1]["identity"]) == {"recogniser", "to_reference", "to_target", "before"}
