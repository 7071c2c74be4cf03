"""Small versions: each pixel the mean of those that it stands for, never below the size that was asked for."""

import cv2
import numpy as np
import pytest

from mien_pipeline.media.pyramid import halve, shrink


@pytest.mark.parametrize(
    ("size", "least", "expected"),
    [((80, 120), 20, (20, 30)), ((80, 120), 21, (40, 60)), ((39, 90), 20, (39, 90)), ((81, 121), 40, (40, 60))],
)
def test_a_picture_is_halved_while_its_short_side_stays_large_enough(
    size: tuple[int, int], least: int, expected: tuple[int, int]
) -> None:
    assert halve(np.zeros((*size, 3), np.uint8), least).shape == (*expected, 3)


def test_a_pixel_of_the_half_is_the_mean_of_its_four() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 48, 3)).astype(np.uint8)
    means = pixels.reshape(32, 2, 24, 2, 3).mean((1, 3))
    assert np.abs(halve(pixels, 24) - means).max() <= 0.5


def test_a_picture_that_is_small_already_is_the_same() -> None:
    pixels = np.zeros((30, 30, 3), np.uint8)
    assert halve(pixels, 16) is pixels


@pytest.mark.parametrize("size", [(96, 96), (31, 17), (200, 40)])
def test_a_small_version_is_what_the_area_filter_makes_of_it(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (613, 451, 3)).astype(np.uint8)
    pixels = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)
    away = shrink(pixels, size).astype(int) - cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    assert shrink(pixels, size).shape == (size[1], size[0], 3)
    assert np.abs(away).max() <= 4
