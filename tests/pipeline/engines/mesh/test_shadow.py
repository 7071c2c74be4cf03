"""Shadows: a shadow with an edge of its own is told from hair and from dark things, taken off, and put on again."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.lamps import even_out
from mien_pipeline.engines.mesh.shadow import draw_shadow
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.image import Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_testing.portraits import mesh_of

# Half a face and more, with an edge that no normal has: across the forehead, down the nose, over the cheek.
SHADE = (103, 67, 109, 10, 151, 9, 8, 168, 6, 122, 101, 206, 212, 210, 211, 176, 149, 150, 136, 172, 132, 234, 127, 162)
LIT, DARK = (280, 330, 425, 411), (50, 187, 123, 147)  # vertices on the cheeks
DEPTH = 1 / 9


def fill(pixels: Pixels, mesh: Mesh, soft_px: float) -> Mask:
    """(H, W, 1) 1 where the shadow falls."""
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(mesh[list(SHADE), :2]).astype(np.int32)], (1,))
    return np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), soft_px)[..., None], np.float32)


def shade(portrait: Portrait, depth: float = DEPTH) -> Pixels:
    """The portrait with a shadow on it, in which `depth` of the light is left."""
    pixels = portrait[0].pixels
    left = 1 - np.float32(1 - depth) * fill(pixels, mesh_of(portrait), 0.8)
    return to_srgb(np.asarray(to_linear(pixels) * left, np.float32))


def read(values: np.ndarray, mesh: Mesh, vertices: tuple[int, ...]) -> float:
    """The mean of (H, W, 3) at the vertices."""
    return float(np.mean([values[round(float(mesh[at, 1])), round(float(mesh[at, 0]))].mean() for at in vertices]))


def test_a_shadow_is_drawn_where_it_falls_and_as_deep_as_it_is(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    shadow = draw_shadow(shade(astronaut), mesh)
    assert shadow is not None
    assert read(shadow, mesh, LIT) > 0.9
    assert 0.5 * DEPTH < read(shadow, mesh, DARK) < 2 * DEPTH


def test_a_face_whose_shadow_is_taken_off_is_as_light_on_both_sides(astronaut: Portrait) -> None:
    mesh, shaded = mesh_of(astronaut), shade(astronaut)
    before, after = (to_linear(picture) for picture in (shaded, even_out(shaded, mesh)))
    assert read(before, mesh, DARK) < 0.25 * read(before, mesh, LIT)
    assert 0.6 < read(after, mesh, DARK) / read(after, mesh, LIT) < 1.6


def test_even_light_has_no_shadow(astronaut: Portrait, admiral: Portrait) -> None:
    assert all(draw_shadow(portrait[0].pixels, mesh_of(portrait)) is None for portrait in (astronaut, admiral))


def test_hair_before_half_a_face_is_no_shadow(astronaut: Portrait) -> None:
    """It is as dark as one, of the skin's own hue, and has strands."""
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    strands = np.random.default_rng(0).uniform(0.02, 0.3, (1, pixels.shape[1], 1))
    hidden = fill(pixels, mesh, 0.8)
    hair = to_srgb((to_linear(pixels) * (1 - hidden + strands * hidden)).astype(np.float32))
    assert draw_shadow(hair, mesh) is None


def test_a_dark_thing_before_half_a_face_is_no_shadow(astronaut: Portrait) -> None:
    """It is plain, and as dark as one, but has not the skin's hue."""
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    hidden = fill(pixels, mesh, 0.8)
    thing = np.array([0.002, 0.02, 0.045], np.float32)
    covered = np.asarray(to_linear(pixels) * (1 - hidden) + thing * hidden, np.float32)
    assert draw_shadow(to_srgb(covered), mesh) is None


@pytest.mark.parametrize("depth", [0.19, 0.21, 0.23])
def test_a_shadow_that_deepens_comes_slowly(astronaut: Portrait, depth: float) -> None:
    """From one picture of a clip to the next it would flicker otherwise."""
    mesh = mesh_of(astronaut)
    seen = []
    for deeper in (1.0, 0.98):
        shadow = draw_shadow(shade(astronaut, depth * deeper), mesh)
        seen.append(1.0 if shadow is None else read(shadow, mesh, DARK))
    assert abs(np.log2(seen[1] / seen[0])) < 0.35
