"""Encoding promises the pixels, profile and transparency it was given, and no metadata but the whitelist's."""

import io
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import InvalidOptions
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MAX_SIDE, MEDIA_TYPES, encode, result_format
from mien_pipeline.options import Format
from mien_testing.profiles import srgb_profile

FORMATS = tuple(MEDIA_TYPES)


def picture(alpha: bool = False, kind: str = "png") -> Image:
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.stack((x * 4, y * 5, x + y), axis=2).astype(np.uint8)
    profile = srgb_profile()
    return Image(pixels, (x * 4).astype(np.uint8) if alpha else None, profile, kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_carries_pixels_and_profile(kind: Format) -> None:
    image = picture()
    again = decode(encode(image, kind))
    assert again.format == kind
    assert again.icc_profile == image.icc_profile
    assert np.abs(again.pixels.astype(int) - image.pixels).mean() < (0.01 if kind in {"png", "tiff"} else 3)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("first", [0, 1])
def test_pixels_that_are_a_view_of_padded_ones_make_the_same_file(kind: Format, first: int) -> None:
    """A marked picture is such a view: Pillow's JPEG encoder reads its memory as it is."""
    image = picture()
    padded = np.full((*image.pixels.shape[:2], 4), 99, np.uint8)
    padded[..., first : first + 3] = image.pixels
    assert encode(replace(image, pixels=padded[..., first : first + 3]), kind) == encode(image, kind)


def test_a_jpeg_is_the_file_that_pillow_makes_in_memory_however_large() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    expected = io.BytesIO()
    PIL.Image.fromarray(pixels).save(expected, "JPEG", quality=95, subsampling=0)
    assert encode(Image(pixels), "jpeg") == expected.getvalue()


def test_a_jpeg_that_cannot_be_written_is_an_error_and_nothing_waits_for_its_end() -> None:
    """A segment of a JPEG has at most 64 KiB."""
    with pytest.raises(ValueError, match="too long"):
        encode(picture(), "jpeg", b"x" * 70_000)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "jpeg"])
def test_every_format_but_jpeg_carries_transparency(kind: Format) -> None:
    image = picture(alpha=True)
    again = decode(encode(image, kind))
    assert image.alpha is not None
    assert again.alpha is not None
    assert np.abs(again.alpha.astype(int) - image.alpha).mean() < 2


def test_a_jpeg_of_a_transparent_picture_is_refused_by_field() -> None:
    with pytest.raises(InvalidOptions) as refused:
        encode(picture(alpha=True), "jpeg")
    assert refused.value.fields["field"] == "format"


@pytest.mark.parametrize(
    ("own", "alpha", "expected"),
    [
        ("jpeg", False, "jpeg"),
        ("png", True, "png"),
        ("webp", True, "webp"),
        ("avif", False, "avif"),
        ("tiff", False, "tiff"),
        ("bmp", False, "png"),
        ("heif", False, "jpeg"),
        ("heif", True, "png"),
    ],
)
def test_a_result_has_the_targets_format_or_the_nearest_that_can_be_marked(
    own: str, alpha: bool, expected: str
) -> None:
    assert result_format(picture(alpha, own)) == expected


def test_a_wanted_format_is_taken() -> None:
    assert result_format(picture(kind="jpeg"), "webp") == "webp"


def test_a_picture_larger_than_the_format_can_hold_is_refused_before_the_work() -> None:
    wide = Image(np.zeros((4, MAX_SIDE["webp"] + 1, 3), np.uint8))
    with pytest.raises(InvalidOptions) as refused:
        result_format(wide, "webp")
    assert refused.value.fields["limit"] == MAX_SIDE["webp"]
    assert decode(encode(wide, "png")).width == wide.width


def test_every_format_has_a_media_type_and_a_largest_side() -> None:
    assert set(MEDIA_TYPES) == set(MAX_SIDE)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_picture_itself_is_not_changed(kind: Format) -> None:
    image = picture()
    before = image.pixels.copy()
    encode(image, kind)
    assert np.array_equal(image.pixels, before)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_quality_saves_bytes_where_a_format_loses_something_and_changes_nothing_elsewhere(kind: Format) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    image = Image(noise, None, None, "png")
    small, large, usual = (encode(image, kind, quality=quality) for quality in (30, 100, None))
    if kind in {"png", "tiff"}:
        assert small == large == usual
    else:
        assert len(small) < len(usual) < len(large)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_written_that_was_not_given(kind: Format) -> None:
    with PIL.Image.open(io.BytesIO(encode(picture(), kind))) as read:
        assert not read.info.get("exif")
        assert not read.info.get("xmp")
        assert not read.info.get("comment")
