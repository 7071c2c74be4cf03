"""Lighting: the same skin under the target's lamp."""

import numpy as np
import pytest

from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_pipeline.engines.mesh.lighting import relight
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels
from mien_testing.portraits import Portrait, mesh_of


@pytest.mark.parametrize("cast", [(0.5, 0.5, 0.5), (1.0, 0.7, 0.4), (0.3, 0.5, 0.9)])
def test_a_face_takes_the_targets_light_and_colour_cast(astronaut: Portrait, cast: tuple[float, ...]) -> None:
    """The same skin under another lamp is found again exactly."""
    mesh, pixels = mesh_of(astronaut), astronaut[0].pixels
    box = Box.around(mesh, 0.0, pixels.shape)
    face = pixels[box.part]
    light = np.clip((face / 255.0) ** 2.2 * np.array(cast), 0, 1)
    target: Pixels = np.round(light ** (1 / 2.2) * 255).astype(np.uint8)
    skin = np.ones(face.shape[:2], np.float32)
    result = relight(face, target, skin, np.zeros_like(skin), Grid.over(face.shape, 1), face_width(mesh))
    middle = (slice(20, -20), slice(20, -20))
    assert np.abs(result[middle].astype(int).mean((0, 1)) - target[middle].mean((0, 1))).max() < 6
