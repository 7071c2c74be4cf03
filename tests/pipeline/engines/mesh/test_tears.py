"""Under a nose: a texture that is drawn together there is averaged; one that is not stays as it is."""

import numpy as np

from mien_pipeline.engines.mesh.tears import mend_tears
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Pixels

SIDE, STEP, SPACING = 512, 3, 0.008
TIP, UNDER, LIP = (float(topology().uv[vertex, 1]) for vertex in (4, 2, 164))


def column(rows: list[float]) -> Floats:
    """(h, 8, 2) places down the middle of the texture, at these heights."""
    across = 0.5 + SPACING * (np.arange(8) - 3.5)
    return np.dstack(np.meshgrid(across, rows)).astype(np.float32)


def texture() -> Pixels:
    """Skin with black nostrils."""
    pixels = np.full((SIDE, SIDE, 3), (200, 160, 140), np.uint8)
    dark = round((TIP + 2 * UNDER) / 3 * SIDE)
    pixels[dark - 3 : dark + 3] = 5
    return pixels


def draw(places: Floats) -> tuple[Pixels, Grid]:
    grid = Grid(STEP, places.shape[1], places.shape[0])
    shape = (grid.height * STEP, grid.width * STEP)
    return resample(texture(), grid.enlarge(places * SIDE - np.float32(0.5), shape), cubic=True), grid


def test_what_a_nose_hides_is_no_black_line_under_it() -> None:
    """One point of the grid falls into the nostrils, its neighbours on the tip and the lip."""
    above, below = TIP - SPACING * np.arange(10)[::-1], LIP + SPACING * np.arange(10)
    places = column([*above, (TIP + 2 * UNDER) / 3, *below])
    drawn, grid = draw(places)
    assert drawn.min() < 30
    mend_tears(drawn, texture(), places, grid)
    assert drawn.min() > 70


def test_nostrils_that_are_seen_are_drawn_as_they_are() -> None:
    places = column(list(np.arange(TIP - 10 * SPACING, LIP + 10 * SPACING, SPACING)))
    drawn, grid = draw(places)
    before = drawn.copy()
    mend_tears(drawn, texture(), places, grid)
    assert drawn.min() < 30
    assert np.array_equal(drawn, before)
