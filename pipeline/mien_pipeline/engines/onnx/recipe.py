"""One row of the table with its recogniser, and what its network's answer means."""

from dataclasses import dataclass

import numpy as np

from mien_models.catalogue.entries import Catalogue
from mien_models.catalogue.networks import Recogniser, Swapper
from mien_pipeline.image import Floats


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


def to_values(made: Floats, row: Swapper) -> Floats:
    """(H, W, 3) float32, RGB in 0..255 and beyond, of a network's (3, H, W)."""
    values = made.transpose(1, 2, 0) * np.array(row.out_scale, np.float32) + np.array(row.out_shift, np.float32)
    return np.asarray(values * 255, np.float32)
