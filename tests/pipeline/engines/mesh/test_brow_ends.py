"""Ends of brows promise: where hair meets a brow a tapering tail stays of it; a brow by itself is left alone."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.brow_ends import find_brow_ends
from mien_pipeline.faces.topology import LEFT_BROW, RIGHT_BROW, topology

SIZE = (WORK_SIDE, WORK_SIDE)


def test_a_brow_that_hair_meets_keeps_a_tail_that_tapers() -> None:
    darker, brow = np.zeros(SIZE, np.float32), fill_texture(LEFT_BROW) > 0
    darker[brow] = 0.6
    x, y = np.round(topology().uv[70] * WORK_SIDE).astype(int)
    cv2.circle(darker, (int(x), int(y)), 16, 0.6, -1)  # a lock before the temple
    ends, met = find_brow_ends(darker, np.ones(SIZE, np.float32))
    columns = np.flatnonzero(brow.any(0))
    outer, inner = columns[: len(columns) // 4], columns[len(columns) // 2 :]
    assert ends[:, outer][brow[:, outer]].mean() > 0.5
    assert ends[:, inner][brow[:, inner]].mean() < 0.1
    assert ends[fill_texture(RIGHT_BROW) > 0].max() < 0.01
    assert (met[brow].min(), met[fill_texture(RIGHT_BROW) > 0].max()) == (pytest.approx(1, abs=0.02), 0)


def test_a_broad_brow_beside_its_hull_keeps_its_height_where_the_tail_begins() -> None:
    """A mesh lays it lower than it grows; a tail as high as the mesh's would cut it off there, in a step."""
    darker, brow = np.zeros(SIZE, np.float32), np.roll(fill_texture(LEFT_BROW), -4, axis=0) > 0
    darker[brow] = 0.6
    x, y = np.round(topology().uv[70] * WORK_SIDE).astype(int)
    cv2.circle(darker, (int(x), int(y)), 18, 0.6, -1)
    ends, met = find_brow_ends(darker, np.ones(SIZE, np.float32))
    columns = np.flatnonzero(brow.any(0))
    middle = columns[len(columns) // 2 :]
    assert met.max() > 0.9
    assert ends[:, middle][brow[:, middle]].mean() < 0.1


def test_a_thin_brow_that_hair_meets_is_whole_wherever_in_its_hull_it_lies() -> None:
    """A mesh lays its brow above a thin, low one, and a fringe hangs into both."""
    darker, points = np.zeros(SIZE, np.float32), topology().uv * WORK_SIDE
    lower = np.round(points[[55, 65, 52, 53, 46]] + (0, 2)).astype(np.int32)
    brow = cv2.polylines(np.zeros(SIZE, np.uint8), [lower], False, (1,), 2) > 0
    fringe = cv2.dilate(fill_texture(LEFT_BROW), np.ones((15, 15), np.uint8)) > 0
    rows, columns = np.mgrid[:WORK_SIDE, :WORK_SIDE]
    fringe &= (rows < lower[:, 1].min() - 5) & (columns < lower[1, 0])
    x, y = lower[-1] + (-13, 0)
    cv2.circle(darker, (int(x), int(y)), 12, 0.6, -1)  # a lock before the temple
    darker[fringe], darker[brow] = 0.6, 0.5
    ends, _ = find_brow_ends(darker, np.ones(SIZE, np.float32))
    between = slice(lower[3, 0] + 4, lower[0, 0])
    assert ends[:, between][brow[:, between]].max() < 0.5
    assert ends[fringe & (columns < lower[2, 0])].mean() > 0.5


def test_a_brow_by_itself_is_left_as_it_is() -> None:
    darker = 0.6 * np.maximum(fill_texture(LEFT_BROW), fill_texture(RIGHT_BROW)).astype(np.float32)
    assert not np.any(find_brow_ends(darker, np.ones(SIZE, np.float32)))


def test_a_brow_in_the_shade_of_a_cap_keeps_its_end() -> None:
    """Skin in the shade is as dark as light hair is; but a brow is darker than it."""
    for shade, met in ((0.37, False), (0.6, True)):
        darker = np.full(SIZE, shade, np.float32)
        darker[fill_texture(LEFT_BROW) > 0] = 0.65
        ends, _ = find_brow_ends(darker, np.ones(SIZE, np.float32))
        assert (ends[fill_texture(LEFT_BROW) > 0].max() > 0.5) == met
