"""The surroundings follow the face, fade out, and never fold."""

import numpy as np
import pytest

from mien_pipeline.engines.mesh.surroundings import map_origins
from mien_pipeline.faces.raster import rasterise
from mien_pipeline.faces.topology import topology
from mien_testing.portraits import Portrait, mesh_of


def test_the_surroundings_move_with_the_face_and_not_at_the_border(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * 0.5 + 20).astype(np.float32)
    size = (int(points[:, 0].max()) + 20, int(points[:, 1].max()) + 20)
    moved = points + np.array([2.0, 0.0], np.float32)
    places = map_origins(rasterise(moved, mesh[:, 2], topology().triangles, size), moved, points)
    columns = np.arange(size[0])
    across = columns - places[..., 0]
    assert across[int(moved[1, 1]), int(moved[1, 0])] == pytest.approx(2, abs=0.1)
    assert not across[:, [0, -1]].any()
    assert not across[[0, -1]].any()
    assert np.abs(np.diff(across, axis=1)).max() < 1  # nothing folds
