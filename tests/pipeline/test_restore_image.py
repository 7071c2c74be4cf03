"""`FaceRestoration` promises: every face restored by at most what was asked, compared with itself, never "weak"."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from mien_core.errors import NoFaceFound
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Image
from mien_pipeline.options import RestoreOptions
from mien_pipeline.progress import OnStep, Progress, Stopwatch
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.restore_image import FaceRestoration
from mien_pipeline.swap import Components, edit_picture
from mien_testing.painted import LEFT, MIDDLE, RIGHT, Detector, Embedder, FakeCheck, Marker, picture


@dataclass
class Brightener:
    """Makes a face brighter by its amount, and keeps what it was asked for."""

    name: str = "vivid-flux"
    amounts: list[float] = field(default_factory=list[float])

    def restore(self, image: Image, face: Face, amount: float, on_step: OnStep) -> Patch:
        self.amounts.append(amount)
        for step in range(2):
            on_step(step + 1, 2)
        x1, y1, x2, y2 = face.bbox.astype(int)
        crop = np.clip(image.pixels[y1:y2, x1:x2] + 20 * amount, 0, 255).astype(np.uint8)
        affine = np.array([[1, 0, -x1], [0, 1, -y1]], np.float32)
        return Patch(crop, affine, np.ones(crop.shape[:2], np.float32))


def edit(restorer: Brightener, amount: float = 0.5) -> FaceRestoration:
    return FaceRestoration(restorer, RestoreOptions(amount=amount), Embedder(), (ModelUse("flux", "2" * 64),))


def components(marker: Marker) -> Components:
    return Components(Detector(), Embedder(), FakeCheck(), marker, (ModelUse("shared", "1" * 64),))


def test_every_face_is_restored_by_the_amount_that_was_asked_for() -> None:
    restorer = Brightener()
    done = edit_picture(picture(LEFT, MIDDLE, RIGHT), edit(restorer, 0.3), components(Marker()), Stopwatch())
    assert restorer.amounts == [0.3, 0.3, 0.3]
    assert [face.index for face in done.faces if face.swapped] == [0, 1, 2]


def test_a_face_is_compared_with_what_it_was_and_has_no_weak_identity() -> None:
    done = edit_picture(picture(MIDDLE), edit(Brightener()), components(Marker()), Stopwatch())
    scores = done.faces[0].identity
    assert scores is not None
    assert scores.to_reference == scores.to_target == pytest.approx(1 - 10 / 255)
    assert scores.before == 1.0
    assert done.faces[0].warnings == ()


def test_a_restoration_that_nothing_was_painted_for_says_what_painting_needs() -> None:
    painted = edit(Brightener())
    assert painted.warnings == ()
    assert replace(painted, models=()).warnings == ("not-repainted",)


def test_its_marks_name_the_restorer_the_options_and_every_weight_that_took_part() -> None:
    marker = Marker()
    done = edit_picture(picture(MIDDLE), edit(Brightener(), 0.1), components(marker), Stopwatch())
    assert marker.edits == [Edit("restore", "vivid-flux", RestoreOptions(amount=0.1), done.models)]
    assert [model.name for model in done.models] == ["shared", "flux"]


def test_a_picture_without_a_face_is_refused() -> None:
    marker = Marker()
    with pytest.raises(NoFaceFound) as refused:
        edit_picture(picture(), edit(Brightener()), components(marker), Stopwatch())
    assert refused.value.fields == {"role": "target"}
    assert not marker.marked


def test_progress_goes_through_the_same_stages_without_an_engine() -> None:
    told: list[Progress] = []
    edit_picture(picture(LEFT, RIGHT), edit(Brightener()), components(Marker()), Stopwatch(told.append))
    assert list(dict.fromkeys(progress.stage for progress in told)) == [
        "decode", "check", "detect", "restore", "check-result", "score", "mark",
    ]  # fmt: skip
    steps = [(progress.done, progress.total) for progress in told if progress.stage == "restore"]
    assert steps == [(0, 1), (1, 4), (2, 4), (3, 4), (4, 4)]
