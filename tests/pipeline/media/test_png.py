"""A PNG is read when every checksum is right and every row is there, however much text it carries."""

import random
import struct
import zlib

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media import probe
from mien_pipeline.media.decode import decode
from mien_pipeline.media.previews import preview
from mien_testing.files import encoded, gradient, photograph
from mien_testing.refusals import refusal

HEAD = b"\x89PNG\r\n\x1a\n"
INTERLACE = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*, rows: float = 1.0, interlaced: bool = False, before: bytes = b"", after: bytes = b"") -> bytes:
    """The gradient with only a part of its unpacked bytes, in a file whose checksums are all right."""
    pixels = gradient()
    passes = INTERLACE if interlaced else [(0, 0, 1, 1)]
    raw = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx])
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, interlaced)
    body = zlib.compress(raw[: int(len(raw) * rows)])
    return HEAD + chunk(b"IHDR", header) + before + chunk(b"IDAT", body) + after + chunk(b"IEND")


def flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0x5A
    return bytes(changed)


def test_no_flipped_byte_of_a_png_is_read_as_a_picture() -> None:
    data = photograph("PNG")
    for at in random.Random(1).sample(range(8, len(data) - 4), 60):
        assert refusal(flip(data, at))["found"] == "png"


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_flip_at_seventy_per_cent_names_the_checksum(interlaced: bool) -> None:
    data = png(interlaced=interlaced)
    fields = refusal(flip(data, int(len(data) * 0.7)))
    assert (fields["reason"], fields["chunk"]) == ("checksum", "IDAT")


def test_a_wrong_checksum_in_the_header_names_the_header() -> None:
    assert refusal(flip(png(), 30))["chunk"] == "IHDR"


def test_a_wrong_checksum_beside_the_picture_does_not_cost_the_picture() -> None:
    broken = flip(chunk(b"tEXt", b"Comment\0hello"), 12)
    assert np.array_equal(decode(png(before=broken)).pixels, gradient())
    assert np.array_equal(decode(png(after=broken)).pixels, gradient())
    assert refusal(png(before=flip(chunk(b"gAMA", b"\0\0\xb1\x8f"), 10)))["chunk"] == "gAMA"


@pytest.mark.parametrize("lost", [1, 4, 12, 13, 60])
def test_a_png_without_its_end_is_refused_before_any_work(lost: int) -> None:
    assert refusal(photograph("PNG")[:-lost])["reason"] == "ends-early"


def test_pixels_that_end_early_name_the_row() -> None:
    fields = refusal(png(rows=0.5))
    assert (fields["reason"], fields["row"], fields["rows"]) == ("rows-missing", 25, 48)


def test_an_interlaced_picture_that_is_cut_in_a_pass_is_refused() -> None:
    for part in (0.1, 0.5, 0.9, 0.99):
        assert refusal(png(rows=part, interlaced=True))["reason"] == "bad-data"


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"tEXt"])
def test_text_of_any_size_is_no_damage(name: bytes) -> None:
    """ComfyUI writes its whole workflow into every picture."""
    words = b"x" * 3_000_000
    body = {
        b"zTXt": b"workflow\0\0" + zlib.compress(words),
        b"iTXt": b"workflow\0\1\0\0\0" + zlib.compress(words),
        b"tEXt": b"workflow\0" + words,
    }[name]
    for data in (png(before=chunk(name, body)), png(after=chunk(name, body)), png(before=chunk(name, body) * 30)):
        assert probe.probe(data).width == 64
        assert np.array_equal(decode(data).pixels, gradient())
        assert preview(data, 32)


def test_a_large_colour_profile_is_read() -> None:
    profile = random.Random(2).randbytes(3_000_000)
    assert decode(png(before=chunk(b"iCCP", b"p\0\0" + zlib.compress(profile)))).pixels.shape == (48, 64, 3)


def test_what_says_how_to_see_the_picture_is_still_read_beside_large_text() -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * 2_000_000, zip=True)
    data = encoded(PIL.Image.fromarray(gradient()), "PNG", exif=exif.tobytes(), pnginfo=text)
    assert decode(data).pixels.shape == (64, 48, 3)


def test_more_pieces_than_any_program_writes_are_refused() -> None:
    with pytest.raises(InvalidImage):
        decode(png(before=chunk(b"tEXt", b"a\0") * 120_000))


def test_the_probe_unpacks_no_text() -> None:
    bomb = zlib.compress(bytes(60_000_000), 9)
    data = png(before=chunk(b"zTXt", b"Comment\0\0" + bomb) * 4)
    with probe.open_picture(data) as (picture, _):
        assert "Comment" not in picture.info
