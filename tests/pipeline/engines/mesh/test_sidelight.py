"""Side light: a lamp beside the reference's face leaves its texture, and everything else stays in it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.sidelight import WORK_SIDE, find_deep_shade, remove_side_light, shading_basis
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_testing.portraits import mesh_of


@pytest.mark.parametrize("lamp", [1.2, -1.2])
def test_a_lamp_from_one_side_is_taken_out(lamp: float) -> None:
    """Shading by the normals, two or three times as light on one side, with a blush that is the skin's own."""
    everywhere = np.ones((WORK_SIDE, WORK_SIDE), np.float32)
    plain = np.full((WORK_SIDE, WORK_SIDE, 3), (0.3, 0.18, 0.12), np.float32)
    plain[50:58, 30:38] *= (1.1, 0.9, 0.9)
    lit = to_srgb((plain * np.exp2(lamp * shading_basis()[..., :1])).astype(np.float32))
    left = to_linear(remove_side_light(lit, everywhere))
    away = np.abs(np.log2(left.mean(2) / plain.mean(2)))
    assert np.quantile(away, 0.95) < 0.5 * np.quantile(np.abs(np.log2(to_linear(lit).mean(2) / plain.mean(2))), 0.95)
    assert left[54, 34, 0] / left[54, 34, 1] > 1.1 * left[54, 60, 0] / left[54, 60, 1]


@pytest.mark.parametrize("span", [(1.3, 0.35), (0.35, 1.3)])
def test_a_portrait_lit_from_one_side_has_cheeks_more_alike(astronaut: Portrait, span: tuple[float, float]) -> None:
    image, mesh = astronaut.image, mesh_of(astronaut)
    left, right = mesh[234, 0], mesh[454, 0]
    across = np.interp(np.arange(image.width), [left, right], np.log(span)).astype(np.float32)
    lit = to_srgb(np.clip(to_linear(image.pixels) * np.exp(across)[:, None], 0, 1))
    plain, shaded = (compare_cheeks(unroll(replace(image, pixels=each), mesh).colour) for each in (image.pixels, lit))
    cast = float(across[round(float(mesh[50, 0]))] - across[round(float(mesh[280, 0]))])
    assert abs(np.log(shaded / plain)) < 0.75 * abs(cast)


def compare_cheeks(colour: Pixels) -> float:
    """Light of the viewer's left cheek by that of the right one."""
    side = colour.shape[0]
    light = cv2.GaussianBlur(to_linear(colour).mean(2), (0, 0), 0.02 * side)
    (u, v), (other_u, other_v) = (topology().uv[vertex] * side for vertex in (50, 280))
    return float(light[int(v), int(u)] / light[int(other_v), int(other_u)])


def test_skin_that_is_lit_evenly_is_left_as_it_is() -> None:
    plain = np.full((WORK_SIDE, WORK_SIDE, 3), (180, 130, 110), np.uint8)
    assert remove_side_light(plain, np.ones((WORK_SIDE, WORK_SIDE), np.float32)) is plain


def test_too_little_skin_tells_nothing_of_the_light() -> None:
    shaded = np.tile(np.linspace(40, 220, WORK_SIDE).astype(np.uint8)[None, :, None], (WORK_SIDE, 1, 3))
    assert remove_side_light(shaded, np.zeros((WORK_SIDE, WORK_SIDE), np.float32)) is shaded


@pytest.mark.parametrize("dark", ["left eye", "right eye"])
def test_a_half_in_deep_shade_is_the_mirror_image_of_the_other(astronaut: Portrait, dark: str) -> None:
    image, mesh = astronaut.image, mesh_of(astronaut)
    middle, columns = float(mesh[[1, 6, 152], 0].mean()), np.arange(image.width)
    shaded = (columns < middle) if dark == "left eye" else (columns > middle)
    pixels = np.where(shaded[:, None], image.pixels // 12, image.pixels).astype(np.uint8)
    colour = unroll(replace(image, pixels=pixels), mesh).colour.astype(int)
    side = len(colour)
    cheeks = colour[side // 2 : 5 * side // 8, side // 4 : 3 * side // 4]
    assert np.median(np.abs(cheeks - cheeks[:, ::-1])) <= 1


def test_a_side_that_a_lamp_leaves_darker_is_seen_nonetheless() -> None:
    everywhere = np.ones((WORK_SIDE, WORK_SIDE), np.float32)
    grey = np.full((WORK_SIDE, WORK_SIDE, 3), 150, np.uint8)
    grey[:, WORK_SIDE // 2 :] = 75
    assert find_deep_shade(grey, everywhere) is None
    grey[:, WORK_SIDE // 2 :] = 30
    assert find_deep_shade(grey, everywhere) == "right eye"
