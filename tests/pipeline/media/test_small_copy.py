"""A small copy of a JPEG shows what the whole does, and there is none of a file that is not plain."""

from io import BytesIO

import cv2
import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.media.decode import decode
from mien_pipeline.media.jpeg import END, repair_end
from mien_pipeline.media.small_copy import decode_small

WIDTH, HEIGHT, SIDE = 480, 320, 64


def save(width: int = WIDTH, height: int = HEIGHT, *, orientation: int = 1, progressive: bool = False) -> bytes:
    """A JPEG whose red rises to the right and whose green rises down."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.dstack([across, down, np.full_like(across, 60)]).astype(np.uint8)
    exif, out = PIL.Image.Exif(), BytesIO()
    exif[PIL.ExifTags.Base.Orientation] = orientation
    PIL.Image.fromarray(pixels).save(out, "JPEG", quality=95, exif=exif, progressive=progressive)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_shows_the_picture_upright_whichever_way_it_was_taken(orientation: int) -> None:
    data = save(orientation=orientation)
    small, whole = decode_small(data, SIDE), decode(data).pixels
    assert small is not None
    assert SIDE <= min(small.width, small.height) < 2 * SIDE
    expected = cv2.resize(whole, (small.width, small.height), interpolation=cv2.INTER_AREA)
    assert np.abs(expected.astype(int) - small.pixels).mean() < 2


def test_there_is_none_of_a_picture_that_is_smaller_than_asked_for() -> None:
    assert decode_small(save(), HEIGHT + 1) is None


def test_there_is_none_of_a_progressive_picture_whose_every_scan_would_be_read() -> None:
    assert decode_small(save(progressive=True), SIDE) is None


def test_there_is_none_of_other_formats() -> None:
    out = BytesIO()
    PIL.Image.new("RGB", (WIDTH, HEIGHT)).save(out, "PNG")
    assert decode_small(out.getvalue(), SIDE) is None


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.99])
def test_there_is_none_of_a_file_that_ends_early(part: float) -> None:
    data = save()
    assert decode_small(data[: int(part * len(data))], SIDE) is None


def test_there_is_none_of_a_file_without_its_end_marker_or_with_bytes_too_many_before_it() -> None:
    data = save()
    assert decode_small(data.removesuffix(END), SIDE) is None
    assert decode_small(data.removesuffix(END) + b"\0" * 100 + END, SIDE) is None


def test_there_is_none_of_a_file_whose_pixels_are_made_of_marks() -> None:
    data = save()
    assert decode_small(data.removesuffix(END) + b"\xff\0" * len(data) + END, SIDE) is None


@settings(max_examples=200)
@given(at=st.integers(save().index(b"\xff\xdb"), len(save()) - 1), byte=st.integers(0, 255))
def test_a_file_of_which_there_is_one_is_not_looked_through_in_vain(at: int, byte: int) -> None:
    """Whatever byte of tables or pixels was changed: what `decode` would look for is not there."""
    data = bytearray(save())
    data[at] = byte
    if decode_small(bytes(data), SIDE) is not None:
        assert repair_end(bytes(data)) == (bytes(data), None)
