"""What is painted over promises: a mask counts; clear skin, a beard and hidden rims do not."""

from dataclasses import replace

from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.evaluation.accessories.covers import draw_beard, draw_mask
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.skin.naturalness import LIMITS
from mien_testing.portraits import mesh_of

LIMIT = LIMITS["painted_over"]


def painted_over(portrait: Portrait, pixels: Pixels) -> float:
    return unroll(replace(portrait.image, pixels=pixels), mesh_of(portrait)).painted_over


def test_a_clear_face_has_little_that_is_painted_over(astronaut: Portrait) -> None:
    assert painted_over(astronaut, astronaut.image.pixels) < LIMIT / 2


def test_rims_that_the_target_shows_through_do_not_count(admiral: Portrait) -> None:
    assert painted_over(admiral, admiral.image.pixels) < LIMIT


def test_a_beard_does_not_count(astronaut: Portrait) -> None:
    assert painted_over(astronaut, draw_beard(astronaut.image.pixels, mesh_of(astronaut))) < LIMIT


def test_a_mask_before_the_reference_counts(astronaut: Portrait) -> None:
    masked, _ = draw_mask(astronaut.image.pixels, mesh_of(astronaut), (120, 190, 235))
    assert painted_over(astronaut, masked) > LIMIT


def test_the_patch_says_what_its_texture_is_made_of(engine: MeshEngine, admiral: Portrait) -> None:
    likeness = engine.prepare([admiral])
    assert likeness.texture.painted_over == painted_over(admiral, admiral.image.pixels)
