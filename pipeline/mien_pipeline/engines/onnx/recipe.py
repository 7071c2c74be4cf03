"""One row of the table with its recogniser, and the arithmetic that a row describes; plain numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien_core.errors import LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import Catalogue
from mien_models.catalogue.networks import NetworkFile, Recogniser, Swapper, Template
from mien_pipeline.face import Kps
from mien_pipeline.faces.align import ARCFACE_TEMPLATE
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.protocols import Weights

# Five points as shares of the side: eyes, nose, mouth corners, viewer's left first. The second is ArcFace's, the third
# is that moved by 8 of 128 pixels; the others are FaceFusion 3.8's table, to four places.
TEMPLATES: dict[str, Floats] = {
    "arcface-112-v1": np.array(
        [[0.3547, 0.4566], [0.6453, 0.4566], [0.5000, 0.6115], [0.3791, 0.7769], [0.6209, 0.7769]], np.float32
    ),
    "arcface-112-v2": np.asarray(ARCFACE_TEMPLATE / 112, np.float32),
    "arcface-128": np.asarray((ARCFACE_TEMPLATE + np.array([8, 0])) / 128, np.float32),
    "ffhq-512": np.array(
        [[0.3769, 0.4686], [0.6229, 0.4691], [0.5012, 0.6133], [0.3931, 0.7254], [0.6115, 0.7249]], np.float32
    ),
    "mtcnn-512": np.array(
        [[0.3656, 0.4673], [0.6331, 0.4659], [0.5002, 0.6194], [0.3903, 0.7760], [0.6118, 0.7748]], np.float32
    ),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row under its name, with the recogniser that its identity asks for; None where a picture tells it."""

    name: str
    row: Swapper
    recogniser: Recogniser | None


def find_recipe(catalogue: Catalogue, name: str) -> Recipe:
    """The row of that name, with its recogniser."""
    row = catalogue.swappers[name]
    return Recipe(name, row, catalogue.recogniser_of(row))


def template_points(template: Template, side: int) -> Kps:
    """Where a crop of `side` pixels has the five points: (5, 2) float32, its pixels."""
    shares = TEMPLATES[template] if isinstance(template, str) else np.array(template, np.float32)
    return np.asarray(shares * np.float32(side), np.float32)


def to_blob(crop: Pixels, mean: Sequence[float], std: Sequence[float]) -> Floats:
    """(1, 3, H, W) float32, RGB, of a (H, W, 3) uint8 RGB crop: (x / 255 − mean) / std for each channel."""
    scaled = (crop.astype(np.float32) / 255 - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


def to_values(made: Floats, row: Swapper) -> Floats:
    """(H, W, 3) float32, RGB in 0..255 and beyond, of a network's (3, H, W)."""
    values = made.transpose(1, 2, 0) * np.array(row.out_scale, np.float32) + np.array(row.out_shift, np.float32)
    return np.asarray(values * 255, np.float32)


def to_pixels(values: Floats) -> Pixels:
    """uint8 of values around 0..255, rounded."""
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def find_file(weights: Weights, named: NetworkFile) -> tuple[str, Path]:
    """The model that has the file, and its path; of several models the first that has it.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: none has; of `named.model`.
    """
    try:
        return named.model, weights.path(named.model, named.file)
    except (ModelNotInstalled, LicenceNotAccepted):
        for model in named.instead:
            try:
                return model, weights.path(model, named.file)
            except (ModelNotInstalled, LicenceNotAccepted):
                continue
        raise
