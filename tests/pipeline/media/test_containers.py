"""A WebP, AVIF, HEIC, BMP or TIFF is read to its last row or refused; what is sound in it is never called damaged."""

import io
import struct
import warnings

import numpy as np
import PIL.Image
import pillow_heif
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media import containers
from mien_pipeline.media.decode import decode
from mien_pipeline.media.previews import preview
from mien_testing.files import FORMATS, encoded, gradient, photograph
from mien_testing.refusals import refusal

COMPRESSIONS = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"]
OFFSETS, COUNTS = 273, 279


def tiff(compression: str) -> bytes:
    """Several strips of the gradient."""
    picture = PIL.Image.fromarray(gradient(512, 400))
    return encoded(picture, "TIFF", compression=compression, strip_size=30_000)


def change_tag(data: bytes, tag: int, index: int, value: int) -> bytes:
    """`data` with another number in a tag of its first directory; the numbers of the tag have four bytes each."""
    changed = bytearray(data)
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        name, _, numbers, where = struct.unpack_from("<HHII", data, entry)
        if name == tag:
            place = entry + 8 if numbers == 1 else where + 4 * index
            struct.pack_into("<I", changed, place, value)
            return bytes(changed)
    raise AssertionError(tag)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "JPEG"])
@pytest.mark.parametrize("lost", [1, 2, 7, 100])
def test_a_file_that_lacks_its_last_bytes_ends_early(kind: str, lost: int) -> None:
    assert refusal(photograph(kind)[:-lost])["reason"] == "ends-early"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("part", [0.3, 0.7, 0.999])
def test_a_tiff_that_ends_early_says_so(compression: str, part: float) -> None:
    data = tiff(compression)
    assert decode(data).height == 512
    assert refusal(data[: int(len(data) * part)])["reason"] == "ends-early"


@pytest.mark.parametrize("compression", COMPRESSIONS[1:])
@pytest.mark.parametrize("tag", [OFFSETS, COUNTS])
def test_a_tiff_without_one_of_its_strips_names_the_row(compression: str, tag: int) -> None:
    fields = refusal(change_tag(tiff(compression), tag, 2, 0))
    assert fields["reason"] == "rows-missing"
    assert 1 < int(str(fields["row"])) < 512


def test_a_strip_that_ends_early_within_its_jpeg_is_refused() -> None:
    data = tiff("jpeg")
    with PIL.Image.open(io.BytesIO(data)) as picture:
        length = picture.tag_v2[COUNTS][1]  # type: ignore[attr-defined]
    assert refusal(change_tag(data, COUNTS, 1, length // 2))["reason"] == "rows-missing"


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "lzma", "zstd"])
def test_no_flip_in_a_compressed_tiff_ends_it_early(compression: str) -> None:
    """A checksum or a decoder that stops refuses; else other pixels are read, down to the last row."""
    noise = np.random.default_rng(1).integers(1, 255, (90, 64, 3), dtype=np.uint8)
    data = encoded(PIL.Image.fromarray(noise), "TIFF", compression=compression)
    for at in range(400, len(data) - 400, len(data) // 20):
        changed = bytearray(data)
        changed[at] ^= 0x5A
        try:
            pixels = decode(bytes(changed)).pixels
        except InvalidImage:
            continue
        assert pixels[-1].any()


def test_a_thumbnail_or_a_mask_is_no_second_picture() -> None:
    pages = []
    for size, kind in ((64, 0), (16, 1), (64, 4)):
        page = PIL.Image.fromarray(gradient(size, size))
        page.encoderinfo = {"tiffinfo": {254: kind}}
        pages.append(page)
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert decode(data).pixels.shape == (64, 64, 3)


def test_the_primary_picture_of_a_heic_with_several_is_read() -> None:
    pictures = [PIL.Image.new("RGB", (80, 64), (level, level, level)) for level in (40, 200, 120)]
    for primary, level in ((0, 40), (1, 200)):
        data = encoded(
            pictures[0], "HEIF", save_all=True, append_images=pictures[1:], primary_index=primary, quality=-1
        )
        image = decode(data)
        assert image.format == "heif"
        assert abs(int(image.pixels.mean()) - level) < 4
        assert preview(data, 32)


def test_a_block_that_a_heic_decoder_never_reached_is_refused() -> None:
    pixels = gradient(128, 128)
    containers.check_filled(PIL.Image.fromarray(pixels))
    pixels[64:96, 32:64] = (0, 135, 0)
    with pytest.raises(InvalidImage) as refused:
        containers.check_filled(PIL.Image.fromarray(pixels))
    assert (refused.value.fields["row"], refused.value.fields["rows"]) == (65, 128)


def test_a_preview_is_of_the_picture_and_not_of_a_thumbnail_in_the_file() -> None:
    """The two may differ, and the thumbnail may be sound where the picture is not."""
    out = io.BytesIO()
    pillow_heif.from_pillow(PIL.Image.fromarray(gradient(512, 512))).save(out, quality=80, thumbnails=[128])
    data = out.getvalue()
    assert refusal(data[: len(data) // 2])["reason"] == "ends-early"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_sound_pictures_of_every_mode_are_read_without_a_warning(kind: str) -> None:
    """Also by Pillow: a warning would be an error here."""
    colour = PIL.Image.fromarray(gradient())
    modes = {
        "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
        "JPEG": ["L", "RGB", "CMYK"],
        "WEBP": ["L", "RGB", "RGBA"],
        "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr"],
        "BMP": ["1", "L", "P", "RGB", "RGBA"],
        "AVIF": ["L", "RGB", "RGBA"],
        "HEIF": ["L", "RGB", "RGBA"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in modes[kind]:
            if mode == "LAB":
                made = PIL.Image.fromarray(gradient(), "RGB").convert("L").convert("RGB")
                made = PIL.Image.merge("LAB", made.split())
            elif mode == "I;16":
                made = PIL.Image.fromarray(gradient()[..., 0].astype(np.uint16) * 257)
            else:
                made = colour.convert(mode)
            image = decode(encoded(made, kind))
            assert image.pixels.shape == (48, 64, 3)
            assert image.missing_rows is None
