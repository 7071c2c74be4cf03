"""Colour: linear light is the standard's."""

import numpy as np

from mien_pipeline.media.colour import to_linear, to_srgb


def test_every_code_value_survives_linear_light_and_back() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_srgb(to_linear(codes)), codes)


def test_linear_light_is_that_of_the_standard() -> None:
    half = to_linear(np.array([[0, 10, 188, 255]], np.uint8))[0]
    assert np.allclose(half, [0, 0.0030353, 0.5028865, 1], atol=1e-5)


def test_light_beyond_white_and_below_black_is_clipped() -> None:
    light = np.array([-0.5, 0, 1, 7], np.float32)
    assert to_srgb(light).tolist() == [0, 0, 255, 255]
