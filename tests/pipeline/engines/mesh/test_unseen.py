"""What is no skin promises: a mask is not copied; clear skin, a beard and hidden rims do not count as painted over.

Skin is mottled by what is of another redness, and uneven by light that is hard.
"""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.engines.mesh.unseen import has_dark_chin, measure_mottled
from mien_pipeline.evaluation.accessories.covers import draw_beard, draw_mask
from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.naturalness import LIMITS, fill_texture_hull, skin_texels
from mien_testing.portraits import mesh_of

LIMIT = 0.03  # a face of which nothing is hidden has less
LIP = 17  # the lower edge of the lower lip


def painted_over(portrait: Portrait, pixels: Pixels) -> float:
    return unroll(replace(portrait.image, pixels=pixels), mesh_of(portrait)).painted_over


def test_a_clear_face_has_little_that_is_painted_over(astronaut: Portrait) -> None:
    assert painted_over(astronaut, astronaut.image.pixels) < LIMIT / 2


def test_rims_that_the_target_shows_through_do_not_count(admiral: Portrait) -> None:
    assert painted_over(admiral, admiral.image.pixels) < LIMIT


def test_a_beard_does_not_count(astronaut: Portrait) -> None:
    assert painted_over(astronaut, draw_beard(astronaut.image.pixels, mesh_of(astronaut))) < LIMIT


def lower_face(portrait: Portrait, pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Colours and validity, (N, 3) and (N,), of a texture between lips and chin."""
    texture = unroll(replace(portrait.image, pixels=pixels), mesh_of(portrait))
    chin = fill_texture_hull((17, 84, 314, 199, 176, 400)) > 0
    colour, validity = (
        np.asarray(cv2.resize(part, chin.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        for part in (texture.colour, texture.validity)
    )
    return colour[chin], validity[chin]


def test_a_mask_before_the_reference_is_not_copied_and_is_said(engine: MeshEngine, astronaut: Portrait) -> None:
    masked, _ = draw_mask(astronaut.image.pixels, mesh_of(astronaut), (120, 190, 235))
    assert lower_face(astronaut, astronaut.image.pixels)[1].mean() > 200
    assert lower_face(astronaut, masked)[1].mean() < 50
    likeness = engine.prepare([Portrait(replace(astronaut.image, pixels=masked), astronaut.face)])
    assert "reference-covered" in likeness.warnings


def test_a_clear_chin_is_not_said_to_be_hidden(engine: MeshEngine, astronaut: Portrait) -> None:
    assert "reference-covered" not in engine.prepare([astronaut]).warnings


def test_a_beard_is_the_persons_own_though_it_is_no_skin(astronaut: Portrait) -> None:
    bearded = draw_beard(astronaut.image.pixels, mesh_of(astronaut))
    assert lower_face(astronaut, bearded)[1].mean() > 200


@pytest.mark.parametrize("skin", [230, 60])
def test_a_short_beard_on_any_skin_is_a_dark_chin_though_it_passes_for_bare(skin: int) -> None:
    colour = np.full((192, 192, 3), skin, np.uint8)
    everywhere = np.ones((192, 192), np.float32)
    assert not has_dark_chin(colour, everywhere)
    colour[topology_row(LIP) :] = skin // 2
    assert has_dark_chin(colour, everywhere)
    colour[topology_row(LIP) :] = (skin // 2, 0, 0)
    assert not has_dark_chin(colour, everywhere), "a red cup is no beard"


def topology_row(vertex: int) -> int:
    """The row of a texture 192 pixels high at which a vertex lies."""
    return round(float(topology().uv[vertex, 1]) * 192)


def test_the_patch_says_what_its_texture_is_made_of(engine: MeshEngine, admiral: Portrait) -> None:
    likeness = engine.prepare([admiral])
    assert likeness.texture.painted_over == painted_over(admiral, admiral.image.pixels)


def test_skin_is_mottled_by_strands_of_another_redness_and_not_by_light(astronaut: Portrait) -> None:
    texture = unroll(astronaut.image, mesh_of(astronaut))
    strands = texture.colour.copy()
    strands[:, :: texture.colour.shape[0] // 16] = (110, 40, 30)
    darker = (texture.colour * 0.8).astype(np.uint8)
    clear, shaded = (measure_mottled(each, texture.validity) for each in (texture.colour, darker))
    assert clear < LIMITS["mottled"] / 3
    assert shaded < 1.1 * clear
    assert measure_mottled(strands, texture.validity) > 2 * clear


def test_what_is_not_used_of_a_texture_does_not_mottle_it(astronaut: Portrait) -> None:
    texture = unroll(astronaut.image, mesh_of(astronaut))
    half = texture.validity.copy()
    half[:, half.shape[1] // 2 :] = 0
    painted = texture.colour.copy()
    painted[:, painted.shape[1] // 2 + painted.shape[1] // skin_texels().shape[1] * 2 :: 9] = (200, 0, 0)
    clear = measure_mottled(texture.colour, half)
    assert measure_mottled(painted, half) == pytest.approx(clear, rel=0.2)
    assert measure_mottled(painted, texture.validity) > 2 * clear
    assert measure_mottled(painted, np.zeros_like(half)) == 0


def test_the_patch_says_how_mottled_its_texture_is(engine: MeshEngine, astronaut: Portrait, admiral: Portrait) -> None:
    likeness = engine.prepare([astronaut])
    patch = likeness.render(*admiral, MeshOptions(), ignore_step)
    assert patch.intent is not None
    assert patch.intent.mottled == likeness.texture.mottled > 0
