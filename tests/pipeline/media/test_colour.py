"""Colour: linear light is the standard's, and profiles lead other colour spaces to sRGB."""

import numpy as np
import PIL.Image
import pytest

from mien_pipeline.media.colour import read_colour_space, to_linear, to_rgb, to_srgb


def test_every_code_value_survives_linear_light_and_back() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_srgb(to_linear(codes)), codes)


def test_linear_light_is_that_of_the_standard() -> None:
    half = to_linear(np.array([[0, 10, 188, 255]], np.uint8))[0]
    assert np.allclose(half, [0, 0.0030353, 0.5028865, 1], atol=1e-5)


def test_light_beyond_white_and_below_black_is_clipped() -> None:
    light = np.array([-0.5, 0, 1, 7], np.float32)
    assert to_srgb(light).tolist() == [0, 0, 255, 255]


def test_a_profile_names_its_colour_space_and_other_bytes_name_none() -> None:
    assert read_colour_space(profile(b"RGB ")) == b"RGB "
    assert read_colour_space(profile(b"GRAY")) == b"GRAY"
    assert read_colour_space(b"no profile at all, though it is long enough") is None
    assert read_colour_space(None) is None


def test_rgb_pixels_stay_and_keep_their_profile() -> None:
    picture = PIL.Image.new("RGB", (4, 4), (10, 200, 30))
    rgb, kept = to_rgb(picture, profile(b"RGB "))
    assert rgb is picture
    assert kept == profile(b"RGB ")


@pytest.mark.parametrize(("mode", "space"), [("L", b"GRAY"), ("CMYK", b"CMYK")])
def test_a_profile_that_cannot_be_read_leaves_plain_arithmetic(mode: str, space: bytes) -> None:
    """Nor is it kept: the result is sRGB."""
    picture = PIL.Image.new("RGB", (4, 4), (90, 90, 90)).convert(mode)
    rgb, kept = to_rgb(picture, profile(space))
    assert rgb.getpixel((0, 0)) == (90, 90, 90)
    assert kept is None


def profile(space: bytes) -> bytes:
    """A profile's header, and no colours behind it."""
    return bytes(16) + space + bytes(16) + b"acsp" + bytes(88)
