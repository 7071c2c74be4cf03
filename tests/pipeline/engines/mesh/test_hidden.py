"""Features that show are found, whatever the light and the expression; features behind something are not."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.hidden import find_hidden_features
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.skin.covers import Feature
from mien_testing.portraits import mesh_of

RINGS: dict[Feature, tuple[int, ...]] = {
    "left eye": (70, 105, 107, 133, 145, 33, 143),
    "right eye": (300, 334, 336, 362, 374, 263, 372),
    "mouth": (57, 164, 287, 18),
    "nose": (122, 351, 410, 186),
}


def paint_over(portrait: Portrait, *features: Feature) -> Pixels:
    """The picture with a skin-coloured patch over each feature."""
    pixels, mesh = portrait.image.pixels.copy(), mesh_of(portrait)
    cheek = np.round(mesh[50, :2]).astype(int)
    colour = pixels[cheek[1] - 3 : cheek[1] + 4, cheek[0] - 3 : cheek[0] + 4].reshape(-1, 3).mean(0)
    for feature in features:
        hull = np.round(cv2.convexHull(mesh[list(RINGS[feature]), :2])).astype(np.int32)
        filled = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillConvexPoly(filled, hull, (1,))
        pixels[cv2.dilate(filled, np.ones((5, 5), np.uint8)) > 0] = colour
    return pixels


def test_a_plain_face_hides_nothing(
    astronaut: Portrait, admiral: Portrait, astronaut_likeness: MeshLikeness, admiral_likeness: MeshLikeness
) -> None:
    for portrait, other in ((astronaut, admiral_likeness), (admiral, astronaut_likeness)):
        assert find_hidden_features(portrait.image.pixels, mesh_of(portrait), other.texture.colour) == ()


def test_light_does_not_hide_features(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    pixels = astronaut.image.pixels
    side = np.linspace(0.3, 1, pixels.shape[1])[None, :, None]
    grey = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
    for lit in (pixels * 0.3, pixels * side, grey):
        hidden = find_hidden_features(lit.astype(np.uint8), mesh_of(astronaut), admiral_likeness.texture.colour)
        assert hidden == ()


@pytest.mark.parametrize("feature", RINGS)
def test_what_is_painted_over_is_hidden(
    astronaut: Portrait, astronaut_likeness: MeshLikeness, feature: Feature
) -> None:
    pixels = paint_over(astronaut, feature)
    assert feature in find_hidden_features(pixels, mesh_of(astronaut), astronaut_likeness.texture.colour)
