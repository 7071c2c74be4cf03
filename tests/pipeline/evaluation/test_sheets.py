"""Sheets promise: every picture in a row, marked like every result, and refusals in words rather than a picture."""

from io import BytesIO
from typing import Any, cast

from PIL import Image as PillowImage

from mien_core.errors import NoFaceFound
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.sheets import HEIGHT_PX, draw_contact_sheet, draw_side_by_side
from mien_pipeline.progress import Stopwatch
from mien_pipeline.report import Edit, ModelUse, Swapped
from mien_pipeline.swap import Components, edit_picture, prepare
from mien_pipeline.swap_image import FaceSwap
from mien_testing.painted import GREEN, MIDDLE, RED, Detector, Embedder, FakeCheck, Marker, Painter, picture

MODELS = (ModelUse("shared", "1" * 64),)


class Runtime:
    """Swaps painted faces; refuses a picture without one."""

    def __init__(self) -> None:
        self.marker = Marker()
        self.models = MODELS
        self.components = Components(Detector(), Embedder(), FakeCheck(), Marker(), MODELS)

    def swap(self, target: bytes, references: list[bytes], options: MeshOptions) -> Swapped:
        ready = [prepare([each], Painter(), self.components, Stopwatch()) for each in references]
        return edit_picture(target, FaceSwap(Painter(), ready, options, Embedder()), self.components, Stopwatch())


def width_of(sheet: bytes) -> int:
    with PillowImage.open(BytesIO(sheet)) as image:
        assert image.height > HEIGHT_PX
        return image.width


def one_wide(pictures: int) -> int:
    """Pixels of so many 100 × 40 pictures in a row with gaps."""
    return pictures * round(100 * HEIGHT_PX / 40) + 12 * (pictures + 1)


def test_target_reference_and_result_are_side_by_side_and_marked_as_a_swap() -> None:
    runtime = Runtime()
    target, reference = picture(MIDDLE), picture(MIDDLE, colour=RED)
    done = runtime.swap(target, [reference], MeshOptions())
    assert width_of(draw_side_by_side(runtime.marker, target, reference, done)) == one_wide(3)
    assert runtime.marker.edits == [Edit("swap", "mesh", None, done.models)]


def test_a_contact_sheet_shows_every_face_that_could_be_swapped_and_reports_all() -> None:
    runtime = Runtime()
    references = {"red": picture(MIDDLE, colour=RED), "none": picture(), "green": picture(MIDDLE, colour=GREEN)}
    sheet, reports = draw_contact_sheet(cast("Any", runtime), picture(MIDDLE), references)
    assert width_of(sheet) == one_wide(3)
    assert list(reports) == ["red", "none", "green"]
    assert reports["none"] == {"code": NoFaceFound.code, "role": "reference"}
    assert reports["green"]["engine"] == "mesh"
    assert runtime.marker.edits == [Edit("swap", "mesh", MeshOptions(), MODELS)]
