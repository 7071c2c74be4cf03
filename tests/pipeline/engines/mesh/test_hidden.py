"""Features that show are found, whatever the light and the expression; features behind something are not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshEngine, MeshLikeness
from mien_pipeline.engines.mesh.hidden import find_hidden_eye, find_hidden_features, has_faint_eyes
from mien_pipeline.evaluation.moved import turn, turn_mesh
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.skin.covers import Feature
from mien_testing.portraits import hang_hair, mesh_of

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


def test_eyes_in_haze_are_faint_and_others_are_not(
    astronaut_likeness: MeshLikeness, admiral_likeness: MeshLikeness
) -> None:
    for likeness in (astronaut_likeness, admiral_likeness):
        colour = likeness.texture.colour
        assert not has_faint_eyes(colour)
        assert has_faint_eyes((0.15 * colour + 150).astype(np.uint8))


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


@pytest.mark.parametrize("mirrored", [False, True])
def test_hair_before_an_eye_of_a_reference_hides_that_eye(astronaut: Portrait, mirrored: bool) -> None:
    hidden = find_hidden_eye(hang_hair(astronaut, mirrored=mirrored), mesh_of(astronaut))
    assert hidden == ("right eye" if mirrored else "left eye")


def test_eyes_that_show_are_not_hidden(astronaut: Portrait, admiral: Portrait) -> None:
    """Whatever the light, behind clear glasses, and where the head itself turns one of them away."""
    for portrait in (astronaut, admiral):
        pixels = portrait.image.pixels
        side = np.linspace(0.2, 1, pixels.shape[1])[None, :, None]
        for lit in (pixels, pixels * 0.3, pixels * side):
            assert find_hidden_eye(lit.astype(np.uint8), mesh_of(portrait)) is None
        for yaw_deg in (-80, -65, 65, 80):
            turned = turn(pixels, portrait.face, yaw_deg)
            assert find_hidden_eye(turned, turn_mesh(mesh_of(portrait), yaw_deg)) is None


def test_the_hidden_half_of_a_reference_is_the_other_one_mirrored_and_it_says_so(
    astronaut: Portrait, engine: MeshEngine
) -> None:
    """No strand of hair is painted onto a target's eye."""
    hairy = replace(astronaut[0], pixels=hang_hair(astronaut))
    likeness = engine.prepare([Portrait(hairy, astronaut[1])])
    assert "reference-covered" in likeness.warnings
    colour = cv2.resize(likeness.texture.colour, (96, 96), interpolation=cv2.INTER_AREA).astype(int)
    eyes = slice(28, 48), slice(22, 44)
    assert np.abs(colour[eyes] - colour[:, ::-1][eyes]).mean() < 6
