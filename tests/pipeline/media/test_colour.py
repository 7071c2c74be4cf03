"""Colour: linear light is the standard's."""

import cv2
import numpy as np

from mien_pipeline.media.colour import to_lab, to_lab_codes, to_linear, to_srgb


def test_every_code_value_survives_linear_light_and_back() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_srgb(to_linear(codes)), codes)


def test_linear_light_is_that_of_the_standard() -> None:
    half = to_linear(np.array([[0, 10, 188, 255]], np.uint8))[0]
    assert np.allclose(half, [0, 0.0030353, 0.5028865, 1], atol=1e-5)


def test_light_beyond_white_and_below_black_is_clipped() -> None:
    light = np.array([-0.5, 0, 1, 7], np.float32)
    assert to_srgb(light).tolist() == [0, 0, 255, 255]


def test_cielab_is_the_standards() -> None:
    """White, black, primaries and a mid grey, as published for D65."""
    pixels = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [119, 119, 119]]], np.uint8)
    expected = np.array([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [50.03, 0, 0]])
    assert np.allclose(to_lab(pixels)[0], expected, atol=0.1)


def test_cielab_as_codes_is_opencvs() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    away = to_lab_codes(pixels).astype(int) - cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    assert np.abs(away).max() <= 2
    assert np.abs(away).mean() < 0.2
