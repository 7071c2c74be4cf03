"""Lighting: the same skin under the target's lamp."""

import numpy as np
import pytest

from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_pipeline.engines.mesh.lighting import relight
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_linear
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


def relit_spot(skin: int, spot: int, target: int) -> Floats:
    """A plain skin with a bright spot, under a target of one shade: linear light of skin and spot afterwards."""
    drawn = np.full((128, 128, 3), skin, np.uint8)
    drawn[60:68, 60:68] = spot
    everywhere = np.ones((128, 128), np.float32)
    plain = np.full_like(drawn, target)
    result = relight(drawn, plain, everywhere, np.zeros_like(everywhere), Grid.over(drawn.shape, 1), 100.0)
    return np.array([to_linear(result[20:40, 20:40]).mean(), to_linear(result[62:66, 62:66]).mean()], np.float32)


def test_the_shine_on_dark_skin_does_not_turn_to_white_spots_when_it_is_made_lighter() -> None:
    before = to_linear(np.array([[60, 120]], np.uint8))[0]
    same, lighter = relit_spot(60, 120, 60), relit_spot(60, 120, 130)
    contrast = [float(light[1] / light[0]) for light in (before, same, lighter)]
    assert contrast[1] == pytest.approx(contrast[0], rel=0.1)
    assert contrast[2] < 0.8 * contrast[0]


def test_eyes_and_lips_keep_their_hues() -> None:
    """A patch of another hue is calmed on skin, and not on features."""
    drawn = np.full((128, 128, 3), (170, 130, 110), np.uint8)
    drawn[50:78, 50:78] = (190, 90, 100)
    cool = np.full_like(drawn, (120, 130, 150))
    skin, none = np.ones((128, 128), np.float32), np.zeros((128, 128), np.float32)
    lips = none.copy()
    lips[44:84, 44:84] = 1
    redness = []
    for features in (none, lips):
        patch = relight(drawn, cool, skin, features, Grid.over(drawn.shape, 1), 100.0)[60:68, 60:68].astype(float)
        redness.append(float((patch[..., 0] / patch[..., 1]).mean()))
    assert redness[1] > 1.05 * redness[0]
