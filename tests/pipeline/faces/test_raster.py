"""The raster: every pixel knows its triangle and its place in it; edges go on outside."""

import numpy as np
import pytest

from mien_pipeline.faces.raster import extend_edges, rasterise
from mien_pipeline.faces.topology import topology
from mien_testing.portraits import Portrait, mesh_of


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.37, -0.81), (-20.0, 11.5)])
def test_the_raster_gives_every_pixel_its_own_place_back(astronaut: Portrait, shift: tuple[float, float]) -> None:
    """But for rims, where a pixel that a triangle touches may lie a little outside it."""
    mesh = mesh_of(astronaut)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * 4 + np.array(shift)).astype(np.float32)
    raster = rasterise(points, mesh[:, 2], topology().triangles, (420, 500))
    rows, columns = np.nonzero(raster.covered)
    there = raster.interpolate(points)[rows, columns]
    away = np.abs(there - np.stack([columns, rows], 1)).max(1)
    assert np.median(away) < 0.01
    assert np.quantile(away, 0.95) < 1.5


def test_what_is_in_front_hides_what_is_behind() -> None:
    points = np.array([[0, 0], [20, 0], [0, 20], [0, 0], [20, 0], [0, 20]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    depth = np.array([5, 5, 5, 1, 1, 1], np.float32)
    raster = rasterise(points, depth, triangles, (20, 20))
    assert raster.interpolate(np.array([[0], [0], [0], [7], [7], [7]], np.float32))[4, 4] == pytest.approx(7)


def test_values_grow_over_the_edge_and_stay_inside_it() -> None:
    covered = np.zeros((9, 9), bool)
    covered[3:6, 3:6] = True
    values = np.where(covered[..., None], np.arange(81).reshape(9, 9, 1), 0).astype(np.float32)
    result = extend_edges(values, covered)
    assert np.array_equal(result[covered], values[covered])
    assert result[0, 4, 0] == values[3, 4, 0]
