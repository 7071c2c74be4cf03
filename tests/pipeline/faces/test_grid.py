"""Box and grid: whole pixels inside the picture, and a coarse grid that loses no plain value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.faces.align import transform
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.topology import face_width
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


def test_a_box_covers_all_that_is_not_zero_and_no_more() -> None:
    share = np.zeros((40, 60), np.float32)
    share[7, 12], share[20, 33] = 0.1, 1
    box = Box.covering(share)
    assert (box.left, box.top, box.right, box.bottom) == (12, 7, 34, 21)
    assert box.shape == share[box.part].shape == (14, 22)
    assert not box.empty
    assert Box.covering(np.zeros((4, 4), np.float32)).empty


@given(
    left=st.integers(0, 50), top=st.integers(0, 50), width=st.integers(1, 40), height=st.integers(1, 40),
    step=st.integers(1, 9),
)  # fmt: skip
def test_a_snapped_box_holds_the_box_on_whole_steps(left: int, top: int, width: int, height: int, step: int) -> None:
    shape = (91, 93)
    box = Box(left, top, left + width, top + height)
    snapped = box.snap_to_steps(step, shape)
    assert snapped.left <= box.left < snapped.left + step
    assert snapped.top <= box.top < snapped.top + step
    assert box.right <= snapped.right < box.right + step
    assert box.bottom <= snapped.bottom < box.bottom + step
    assert snapped.left % step == snapped.top % step == 0
    assert snapped.right % step == 0 or snapped.right == shape[1]
    assert snapped.bottom % step == 0 or snapped.bottom == shape[0]


def test_a_mesh_in_a_boxs_pixels_is_where_its_affine_says(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    box = Box.around(mesh, 0.1, astronaut[0].pixels.shape)
    local = box.to_local(mesh)
    assert np.allclose(local[:, :2], transform(mesh[:, :2], box.affine), atol=1e-3)
    assert np.array_equal(local[:, 2], mesh[:, 2])
    assert local[:, :2].min() >= 0.09 * face_width(mesh)


@pytest.mark.parametrize(("width", "step"), [(20, 1), (128, 1), (300, 2), (1280, 10)])
def test_a_face_is_about_128_px_wide_on_its_grid(width: float, step: int) -> None:
    assert Grid.step_for(width) == step


def test_places_on_the_grid_are_found_again_at_full_size(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    grid = Grid.over(astronaut[0].pixels.shape, 5)
    assert np.allclose(grid.to_full(grid.locate(mesh)), mesh[:, :2], atol=1e-3)
    assert (grid.width, grid.height) == (-(-astronaut[0].width // 5), -(-astronaut[0].height // 5))


def test_a_pixel_of_the_grid_is_the_mean_of_its_square() -> None:
    values = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32)
    grid = Grid.over(values.shape, 5)
    assert np.allclose(grid.shrink(values), values.reshape(4, 5, 6, 5).mean((1, 3)), atol=1e-5)
