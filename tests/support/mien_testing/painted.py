"""Pictures whose faces are coloured rectangles, and fakes of the pipeline's protocols that know nothing else."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from mien_core.errors import ContentBlocked
from mien_pipeline.face import Face, Mesh, Patch, Portrait
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.options import Format, SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.report import Edit, Marked, ModelUse, Provenance

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

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        return mesh


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

    def prepare(self, portraits: Sequence[Portrait]) -> Paint:
        return Paint(Embedder().embed(portraits[0].image, portraits[0].face), self.reach)


class FakeCheck:
    """A content check that stops one stage, and remembers what it saw."""

    def __init__(self, closed: str | None = None) -> None:
        self.closed, self.seen = closed, list[str]()

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.seen.append(stage)
        if stage == self.closed:
            raise ContentBlocked("the content check stopped this picture", stage=stage)


class Marker:
    def __init__(self) -> None:
        self.marked: list[Image] = []
        self.edits: list[Edit] = []

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "Marker":
        return self

    def mark(self, result: Image, target: bytes, edit: Edit, format: Format | None = None) -> Marked:
        self.marked.append(result)
        self.edits.append(edit)
        data = BytesIO()
        PillowImage.fromarray(result.pixels).save(data, "PNG")
        return Marked(data.getvalue(), "image/png", Provenance(c2pa=True, watermark="strong"))


def colours(result: bytes) -> list[tuple[int, ...]]:
    """The colours of the three faces of a PNG, left to right."""
    pixels = np.asarray(PillowImage.open(BytesIO(result)))
    return [
        tuple(int(value) for value in pixels[(y1 + y2) // 2, (x1 + x2) // 2])
        for x1, y1, x2, y2 in (LEFT, MIDDLE, RIGHT)
    ]
