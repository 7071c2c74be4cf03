"""Box and grid: whole pixels inside the picture, and a coarse grid that loses no plain value."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_testing.portraits import Portrait, mesh_of


@settings(deadline=None)
@given(height=st.integers(5, 70), width=st.integers(5, 70), step=st.integers(1, 7))
def test_a_plain_value_goes_down_to_the_grid_and_up_again_unchanged(height: int, width: int, step: int) -> None:
    grid = Grid.over((height, width), step)
    plain = np.full((height, width), 3.25, np.float32)
    assert np.allclose(grid.enlarge(grid.shrink(plain), plain.shape), plain)


def test_a_box_stays_inside_the_picture(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    box = Box.around(mesh, 10.0, (400, 300, 3))
    assert (box.left, box.top, box.right, box.bottom) == (0, 0, 300, 400)
    assert np.array_equal(box.to_local(mesh), mesh)
