"""Pores: smooth skin gets what the target's has between grain and shape, and none of its lines."""

import cv2
import numpy as np
import pytest

from mien_pipeline.image import Floats
from mien_pipeline.skin.pores import match_pores

SIDE = 256
EVERYWHERE = np.ones((SIDE, SIDE), np.float32)


def make_skin(amount: float, seed: int = 0) -> Floats:
    """(SIDE, SIDE, 3) skin with pores of a few pixels."""
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    pores = cv2.GaussianBlur(noise, (0, 0), 1.2) - cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.repeat((140 + amount * pores / pores.std())[..., None], 3, 2).astype(np.float32)


def measure(face: Floats) -> float:
    green = face[..., 1]
    return float((cv2.GaussianBlur(green, (0, 0), 0.8) - cv2.GaussianBlur(green, (0, 0), 3)).std())


def test_waxen_skin_gets_pores_as_strong_as_the_targets() -> None:
    target = make_skin(4)
    matched = match_pores(make_skin(0.3, seed=1), target, EVERYWHERE, EVERYWHERE, 256.0)
    assert 0.5 < measure(matched) / measure(target) < 1.2  # .07 before


@pytest.mark.parametrize("amount", [4.0, 8.0])
def test_skin_that_has_pores_of_its_own_keeps_them_as_they_are(amount: float) -> None:
    face = make_skin(amount, seed=1)
    assert np.array_equal(match_pores(face.copy(), make_skin(4), EVERYWHERE, EVERYWHERE, 256.0), face)


def test_a_line_on_the_targets_cheek_does_not_come_along() -> None:
    target = make_skin(3)
    target[120:123] -= 60
    matched = match_pores(make_skin(0.2, seed=1), target, EVERYWHERE, EVERYWHERE, 256.0)
    rows = matched[..., 1].mean(1)
    assert np.abs(rows - rows.mean()).max() < 3


def test_only_skin_gets_pores() -> None:
    face, weight = make_skin(0.3, seed=1), EVERYWHERE.copy()
    weight[:, :128] = 0
    matched = match_pores(face.copy(), make_skin(4), weight, EVERYWHERE, 256.0)
    assert np.array_equal(matched[:, :128], face[:, :128])
    assert measure(matched[:, 140:]) > 2 * measure(face[:, 140:])


@pytest.mark.parametrize(("width", "skin"), [(60.0, EVERYWHERE), (256.0, 0 * EVERYWHERE)])
def test_a_small_face_and_one_without_bare_skin_are_left_alone(width: float, skin: Floats) -> None:
    face = make_skin(0.3, seed=1)
    assert np.array_equal(match_pores(face.copy(), make_skin(4), EVERYWHERE, skin, width), face)
