"""Lips promise to be one face's: the reference's whole, or the target's."""

import numpy as np
import pytest

from mien_pipeline.engines.mesh.lost_lips import draw_lips, draw_lost_lips
from mien_pipeline.faces.topology import topology

SIDE = 256


def place(vertex: int) -> tuple[int, int]:
    """Row and column of a vertex in a texture of SIDE."""
    u, v = topology().uv[vertex]
    return int(v * SIDE), int(u * SIDE)


def test_lips_that_show_are_the_references() -> None:
    assert not draw_lost_lips(np.ones((SIDE, SIDE), np.float32)).any()
    row, column = place(1)
    validity = np.ones((SIDE, SIDE), np.float32)
    validity[row - 12 : row + 3, column - 8 : column + 8] = 0  # a hole in a nose is none in lips
    assert not draw_lost_lips(validity).any()


@pytest.mark.parametrize("vertex", [61, 291, 17])
def test_lips_that_are_hidden_in_part_are_left_to_the_target_with_their_corners(vertex: int) -> None:
    row, column = place(vertex)
    validity = np.ones((SIDE, SIDE), np.float32)
    validity[row - 7 : row + 8, column - 7 : column + 8] = 0
    lost = draw_lost_lips(validity)
    assert np.array_equal(lost, draw_lips(SIDE))
    for lip in (61, 291, 0, 17):
        assert lost[place(lip)] > 0.9
    for skin in (1, 50, 280, 152):
        assert lost[place(skin)] < 0.05
