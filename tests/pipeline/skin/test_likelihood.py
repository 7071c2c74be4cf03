"""Skin is learnt from each face anew: its own colours in any light, against what lies around the head."""

import cv2
import numpy as np
import pytest

from mien_pipeline.faces.topology import OVAL, topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.skin.likelihood import learn_skin

SIDE, WIDTH = 200, 120.0
POINTS = (topology().vertices[:, :2] * WIDTH + SIDE / 2).astype(np.float32)
PALE, DARK, BROWN_HAIR, BLUE = (224, 180, 160), (92, 60, 48), (60, 40, 30), (40, 60, 190)


def oval() -> Pixels:
    filled = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(filled, [np.round(POINTS[list(OVAL)]).astype(np.int32)], (1,))
    return filled


def around(vertex: int, reach_px: int) -> tuple[slice, slice]:
    column, row = np.round(POINTS[vertex]).astype(int)
    return slice(row - reach_px, row + reach_px), slice(column - reach_px, column + reach_px)


def learnt(pixels: Pixels) -> Floats:
    """How likely each pixel is skin, when both cheeks are known to be."""
    seed = np.zeros((SIDE, SIDE), bool)
    for cheek in (50, 280):
        seed[around(cheek, 8)] = True
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    nothing = np.zeros((SIDE, SIDE), bool)
    return learn_skin(lab, POINTS, WIDTH, oval(), seed, nothing, nothing)


def face_of(skin: tuple[int, ...], surroundings: tuple[int, ...]) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 3, (SIDE, SIDE, 3))
    plain = np.where(oval()[..., None] > 0, np.array(skin), np.array(surroundings))
    return np.clip(plain + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("skin", [PALE, DARK])
def test_skin_of_any_colour_is_told_from_what_covers_it(skin: tuple[int, ...]) -> None:
    pixels = face_of(skin, BROWN_HAIR)
    pixels[around(9, 10)] = BLUE
    likely = learnt(pixels)
    assert likely[around(9, 6)].max() < 0.1
    assert likely[around(152, 30)][:20].mean() > 0.9
    assert likely[around(4, 6)].min() > 0.9


def test_a_lock_of_hair_is_known_from_the_hair_around_the_head() -> None:
    pixels = face_of(PALE, BROWN_HAIR)
    pixels[around(10, 24)][20:] = BROWN_HAIR
    likely = learnt(pixels)
    assert likely[around(10, 24)][24:].mean() < 0.1


def test_a_shaded_half_is_skin_all_the_same() -> None:
    """The seed shows one light; the same hue darker is likelier skin than a colour it never had."""
    pixels = face_of(PALE, BLUE)
    shaded = (pixels * 0.72).astype(np.uint8)
    pixels[130:] = np.where(oval()[130:, :, None] > 0, shaded[130:], pixels[130:])
    assert learnt(pixels)[around(152, 12)][:8].mean() > 0.8


def test_probabilities_are_probabilities() -> None:
    likely = learnt(np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))
    assert likely.shape == (SIDE, SIDE)
    assert likely.dtype == np.float32
    assert 0 <= likely.min() <= likely.max() <= 1
