"""Pictures of the worst cases of every claim and engine: the report shows these, not the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien_core.files import write_whole
from mien_pipeline.evaluation.cases import Case, CaseFile
from mien_pipeline.evaluation.tables import worst
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.sheet import draw_row
from mien_pipeline.protocols import Marker
from mien_pipeline.report import Edit, Swapped

FOLDER = "pictures"
WORST = "naturalness"  # by which cases are the worst
_HEIGHT_PX, _MARGIN = 256, 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a picture of a case shows: the faces of target, reference and result, (H, W, 3) uint8 RGB each.

    `target` is the encoded picture that the credentials name as the parent.
    """

    faces: Sequence[Pixels]
    target: bytes
    done: Swapped


def crop_face(pixels: Pixels, bbox: NDArray[np.float32]) -> Pixels:
    """A square around a box (4,), `_MARGIN` of its longer side wider on each side, as far as the picture goes."""
    x1, y1, x2, y2 = (float(edge) for edge in bbox)
    half = (0.5 + _MARGIN) * max(x2 - x1, y2 - y1)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return pixels[max(0, int(y - half)) : int(y + half) + 1, max(0, int(x - half)) : int(x + half) + 1]


class Gallery:
    """Side-by-side pictures in a folder, a JPEG a case: target, reference, result."""

    def __init__(self, folder: Path, marker: Marker, file: CaseFile) -> None:
        self._folder = folder / FOLDER
        self._marker = marker
        self._file = file

    def add(self, case: Case, key: str, shown: Shown, measured: Mapping[str, object]) -> None:
        """Draw a case that is among the worst so far; raises as `write_whole`."""
        line = {"key": key, **case.describing, **measured}
        rivals = [each for each in self._file.lines if _group(each) == _group(line)]
        if line in worst([*rivals, line], WORST):
            self._folder.mkdir(exist_ok=True)
            sheet = Image(draw_row(shown.faces, ("target", "reference", "result"), height_px=_HEIGHT_PX))
            edit = Edit("swap", shown.done.engine, None, shown.done.models)
            write_whole(self._folder / f"{key}.jpg", self._marker.mark(sheet, shown.target, edit, "jpeg").data)

    def prune(self) -> None:
        """Remove the pictures of cases that are among the worst no longer."""
        shown = set[str]()
        for group in {_group(line) for line in self._file.lines}:
            shown |= {str(line["key"]) for line in worst([x for x in self._file.lines if _group(x) == group], WORST)}
        for path in self._folder.glob("*.jpg"):
            if path.stem not in shown:
                path.unlink()


def _group(line: Mapping[str, object]) -> tuple[object, object]:
    return line["claim"], line["engine"]
