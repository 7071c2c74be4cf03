"""What is painted over promises: hair and a mask count; clear skin, the person's own beard and hidden rims do not."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.evaluation.accessories.covers import draw_beard, draw_mask
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels
from mien_pipeline.skin.naturalness import LIMITS
from mien_testing.portraits import mesh_of

LIMIT = LIMITS["painted_over"]


def painted_over(portrait: Portrait, pixels: Pixels) -> float:
    return unroll(replace(portrait.image, pixels=pixels), mesh_of(portrait)).painted_over


def draw_hair_on_jaw(pixels: Pixels, mesh: Mesh) -> Pixels:
    """Both corners of the jaw dark, as where hair falls beside it."""
    result = pixels.copy()
    for vertex in (172, 397, 136, 365, 58, 288):
        x, y = np.round(0.93 * mesh[vertex, :2] + 0.07 * mesh[1, :2]).astype(int)
        cv2.circle(result, (int(x), int(y)), round(0.09 * face_width(mesh)), (25, 20, 18), -1, cv2.LINE_AA)
    return result


def test_a_clear_face_has_little_that_is_painted_over(astronaut: Portrait) -> None:
    assert painted_over(astronaut, astronaut.image.pixels) < LIMIT / 2


def test_rims_that_the_target_shows_through_do_not_count(admiral: Portrait) -> None:
    assert painted_over(admiral, admiral.image.pixels) < LIMIT


def test_hair_beside_the_jaw_counts_and_a_beard_does_not(astronaut: Portrait) -> None:
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    assert painted_over(astronaut, draw_hair_on_jaw(pixels, mesh)) > LIMIT
    assert painted_over(astronaut, draw_beard(pixels, mesh)) < LIMIT


def test_a_mask_before_the_reference_counts(astronaut: Portrait) -> None:
    masked, _ = draw_mask(astronaut.image.pixels, mesh_of(astronaut), (120, 190, 235))
    assert painted_over(astronaut, masked) > LIMIT


def test_the_patch_says_what_its_texture_is_made_of(engine: MeshEngine, admiral: Portrait) -> None:
    likeness = engine.prepare([admiral])
    assert likeness.texture.painted_over == painted_over(admiral, admiral.image.pixels)
