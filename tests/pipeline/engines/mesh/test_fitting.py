"""A reference's beard on the target's own skin promises to be stubble: a warm shade that ends softly."""

import numpy as np

from mien_pipeline.engines.mesh.fitting import lay_stubble
from mien_pipeline.engines.mesh.shaving import DrawnBeard
from mien_pipeline.face import Portrait
from mien_pipeline.faces.grid import Grid
from mien_testing.portraits import mesh_of


def test_stubble_shades_skin_and_turns_it_neither_grey_nor_lighter(astronaut: Portrait) -> None:
    mesh, shape = mesh_of(astronaut), astronaut.image.pixels.shape
    skin = np.full(shape, (205, 160, 135), np.uint8)
    hair, share = np.full(shape, (60, 42, 30), np.uint8), np.zeros(shape[:2], np.float32)
    row, column = mesh[152, :2].astype(int)[::-1]
    share[row - 20 : row, column - 20 : column + 20] = 1
    hair[row - 10 : row] = 250  # what lay before light reads as light hair
    free = np.ones(shape[:2], np.float32)
    laid = lay_stubble(skin, skin, skin, DrawnBeard(hair, share), free, mesh, Grid.over(shape[:2], 2)).astype(int)
    red, green, blue = laid[row - 15, column]
    assert 80 < red < 185
    assert red / green >= 205 / 160
    assert green / blue >= 160 / 135
    assert (laid <= skin).all()
    edge = laid[row - 15, column - 40 : column, 0]
    assert np.abs(np.diff(edge)).max() < 0.7 * (205 - red)


def test_stubble_on_shining_skin_is_no_grey_patch(astronaut: Portrait) -> None:
    """A highlight is the colour of light: darkened alone it would be grey."""
    mesh, shape = mesh_of(astronaut), astronaut.image.pixels.shape
    skin = np.full(shape, (205, 160, 135), np.uint8)
    hair = np.full(shape, (40, 30, 24), np.uint8)
    share, free = np.zeros(shape[:2], np.float32), np.ones(shape[:2], np.float32)
    row, column = mesh[152, :2].astype(int)[::-1]
    part = slice(row - 20, row), slice(column - 20, column + 20)
    skin[part], share[part] = (240, 232, 228), 1
    beard = DrawnBeard(hair, share)
    laid = lay_stubble(skin, skin, skin, beard, free, mesh, Grid.over(shape[:2], 2)).astype(int)
    red, green, blue = laid[row - 10, column]
    assert red / blue > 0.9 * 205 / 135
    assert red > green > blue
