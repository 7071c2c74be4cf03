"""Hair: brows, lashes and beards lie where hair grows; a hollow, a crease and a cheek do not."""

import numpy as np

from mien_pipeline.engines.mesh.hair import draw_hair
from mien_pipeline.faces.grid import Grid
from mien_testing.portraits import Portrait, mesh_of


def test_hair_grows_on_brows_lids_and_chin_and_not_between_brows_on_cheeks_or_in_a_laughs_corner(
    astronaut: Portrait,
) -> None:
    mesh, shape = mesh_of(astronaut), astronaut[0].pixels.shape
    grid = Grid.over(shape, 2)
    hair, points = draw_hair(mesh, grid), grid.locate(mesh)

    def at(vertex: int) -> float:
        x, y = np.round(points[vertex]).astype(int)
        return float(hair[y, x])

    assert min(at(vertex) for vertex in (105, 334, 159, 386, 199, 164)) > 0.9
    assert max(at(vertex) for vertex in (9, 8, 50, 280, 61, 291)) < 0.1
