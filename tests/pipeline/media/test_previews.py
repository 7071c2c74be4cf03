"""Previews of every kind of picture: upright, small, eight bits of RGB, without the metadata of the picture."""

import io
import struct
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.previews import BEHIND_TRANSPARENCY, preview
from mien_testing.profiles import exchanging_profile, inverting_profile, save, with_chunks


def picture(width: int, height: int, mode: str = "RGB", kind: str = "png", **save: Any) -> bytes:
    made = io.BytesIO()
    PIL.Image.new(mode, (width, height)).save(made, kind, **save)
    return made.getvalue()


def opened(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(data))


def size_of(data: bytes) -> tuple[int, int]:
    return opened(data).size


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (picture(64, 32, "RGBA"), (16, 8)),
        (picture(64, 32, "LA"), (16, 8)),
        (picture(64, 32, "P"), (16, 8)),
        (picture(64, 32, "I;16"), (16, 8)),
        (picture(64, 32, "CMYK", "jpeg"), (16, 8)),
        (picture(64, 32, "L", "tiff"), (16, 8)),
        (picture(8, 4), (8, 4)),
    ],
    ids=["alpha", "grey alpha", "palette", "sixteen bits", "cmyk", "tiff", "smaller already"],
)
def test_whatever_is_read_is_shown(data: bytes, size: tuple[int, int]) -> None:
    assert size_of(preview(data, 16)) == size


def test_a_preview_is_upright() -> None:
    turned = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    assert size_of(preview(picture(64, 32, kind="jpeg", exif=turned), 32)) == (16, 32)


def test_a_part_is_cut_from_the_upright_picture_as_far_as_that_goes() -> None:
    turned = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    lying = picture(64, 32, kind="jpeg", exif=turned)
    assert size_of(preview(lying, 512, region=(-10.0, 40.0, 20.0, 80.0))) == (20, 24)
    assert size_of(preview(lying, 6, region=(0.0, 0.0, 24.0, 48.0))) == (3, 6)


def test_what_is_transparent_is_shown_on_grey() -> None:
    made = opened(preview(picture(16, 16, "RGBA"), 16)).convert("RGB")
    seen = made.getpixel((8, 8))
    assert isinstance(seen, tuple)
    assert all(abs(one - other) <= 2 for one, other in zip(seen, BEHIND_TRANSPARENCY, strict=True))


def test_sixteen_bits_keep_their_brightness() -> None:
    half = io.BytesIO()
    PIL.Image.new("I;16", (16, 16), 32_896).save(half, "png")
    seen = opened(preview(half.getvalue(), 16)).convert("L").getpixel((8, 8))
    assert isinstance(seen, int)
    assert abs(seen - 128) <= 1


def test_no_metadata_of_the_picture_comes_along() -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "a secret"
    made = preview(picture(64, 32, kind="jpeg", exif=exif, comment=b"a secret"), 16)
    assert b"secret" not in made
    assert "exif" not in opened(made).info


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_preview_shows_what_a_viewer_shows_and_needs_no_profile(mode: str) -> None:
    """Under the first profile red is blue, under the second a picture is its negative."""
    made = io.BytesIO()
    found = inverting_profile() if mode == "L" else exchanging_profile()
    PIL.Image.new("RGB", (16, 16), (230, 30, 30)).convert(mode).save(made, "png", icc_profile=found)
    seen = opened(preview(made.getvalue(), 16))
    assert "icc_profile" not in seen.info
    pixel = seen.convert("RGB").getpixel((8, 8))
    assert isinstance(pixel, tuple)
    assert pixel[2] > 130
    if mode != "L":
        assert pixel[0] < 60


def test_code_points_of_a_png_count_for_its_preview() -> None:
    made = with_chunks(picture(16, 16), (b"cICP", bytes([1, 8, 0, 1])))
    grey = with_chunks(save(np.full((16, 16, 3), 60, np.uint8), "PNG"), (b"cICP", bytes([1, 8, 0, 1])))
    assert opened(preview(made, 16)).convert("L").getpixel((8, 8)) == 0
    light = opened(preview(grey, 16)).convert("L").getpixel((8, 8))
    assert isinstance(light, int)
    assert light > 120


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InvalidImage):
        preview(b"no picture", 16)
