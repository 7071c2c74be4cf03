"""Ends of brows promise: where hair meets a brow a tapering tail stays of it; a brow by itself is left alone."""

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.brow_ends import find_brow_ends
from mien_pipeline.faces.topology import LEFT_BROW, RIGHT_BROW, topology

SIZE = (WORK_SIDE, WORK_SIDE)


def test_a_brow_that_hair_meets_keeps_a_tail_that_tapers() -> None:
    darker, brow = np.zeros(SIZE, np.float32), fill_texture(LEFT_BROW) > 0
    darker[brow] = 0.6
    x, y = np.round(topology().uv[70] * WORK_SIDE).astype(int)
    cv2.circle(darker, (int(x), int(y)), 16, 0.6, -1)  # a lock before the temple
    ends = find_brow_ends(darker, np.ones(SIZE, np.float32))
    columns = np.flatnonzero(brow.any(0))
    outer, inner = columns[: len(columns) // 4], columns[len(columns) // 2 :]
    assert ends[:, outer][brow[:, outer]].mean() > 0.5
    assert ends[:, inner][brow[:, inner]].mean() < 0.1
    assert ends[fill_texture(RIGHT_BROW) > 0].max() < 0.01


def test_a_brow_by_itself_is_left_as_it_is() -> None:
    darker = 0.6 * np.maximum(fill_texture(LEFT_BROW), fill_texture(RIGHT_BROW)).astype(np.float32)
    assert find_brow_ends(darker, np.ones(SIZE, np.float32)).max() == 0


def test_a_brow_in_the_shade_of_a_cap_keeps_its_end() -> None:
    """Skin in the shade is as dark as light hair is; but a brow is darker than it."""
    for shade, met in ((0.37, False), (0.6, True)):
        darker = np.full(SIZE, shade, np.float32)
        darker[fill_texture(LEFT_BROW) > 0] = 0.65
        ends = find_brow_ends(darker, np.ones(SIZE, np.float32))
        assert (ends[fill_texture(LEFT_BROW) > 0].max() > 0.5) == met
