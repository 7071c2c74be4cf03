"""A picture that is another program's file as well is refused; harmless trailers pass."""

import struct
import time
import zlib

import numpy as np
import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.decode import decode
from mien_pipeline.media.polyglot import MAX_PARTS, find_foreign_part
from mien_testing.files import archive, photograph

MIB = 1 << 20

TAILS = {
    "zip": archive(),
    "markup": b"\n<html><script>alert(1)</script>",
    "pdf": b"%PDF-1.4 trailer",
    "png": photograph("PNG"),
    "gif": b"GIF89a....",
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "HEIF"])
def test_a_picture_that_is_something_else_as_well_is_refused(kind: str, tail: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(photograph(kind) + TAILS[tail])
    assert refused.value.fields["found"] == f"polyglot {kind.lower()}"
    assert refused.value.fields["also"] == tail


def test_a_tiff_with_an_archive_behind_it_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("TIFF") + archive())


def test_a_pdf_that_hides_in_a_jpegs_comment_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG", comment=b"%PDF-1.4\n1 0 obj"))


def test_markup_after_a_stretch_of_zeros_is_still_seen() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG") + b"\x01" * 4000 + b"<script>")


def test_the_film_behind_a_moving_picture_passes() -> None:
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(7).bytes(500_000)
    assert decode(photograph("JPEG") + film).width == 64


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def behind_head(kind: str, padding: bytes) -> bytes:
    """A picture with something put in before its pixels."""
    whole, head = photograph(kind), {"JPEG": 20, "PNG": 33}[kind]
    return whole[:head] + padding + whole[head:]


@pytest.mark.parametrize(
    "data",
    [
        photograph("JPEG") + bytes(32 * MIB),
        photograph("JPEG") + b" \n" * (16 * MIB) + b"x",
        photograph("JPEG") + b"x" + b"<svg" * (8 * MIB),
        photograph("JPEG")[:-2] + b"\xff\0" * (16 * MIB) + b"\xff\xd9",
        photograph("JPEG")[:-2] + (b"\xff" * 65_535 + b"\0") * 512,
        photograph("JPEG") + b"\xff" * (32 * MIB),
        photograph("PNG") + bytes(32 * MIB),
    ],
    ids=["zeros", "blanks", "almost svg", "stuffed zeros", "almost filling", "fill bytes behind", "png and zeros"],
)
def test_a_padded_picture_costs_no_more_than_its_length(data: bytes) -> None:
    """Measured in the processor's own time against fourteen plain searches, which is what is done."""
    began = time.thread_time()
    for word in range(14):
        data.lower().find(b"never there %d" % word)
    unit = time.thread_time() - began
    began = time.thread_time()
    assert find_foreign_part(data, "png" if data[1:4] == b"PNG" else "jpeg") is None
    assert time.thread_time() - began < 6 * unit


@pytest.mark.parametrize(
    "data",
    [
        behind_head("JPEG", b"\xff\xe5\0\2" * MAX_PARTS),
        photograph("JPEG")[:-2] + b"\xff\xe5\0\2" * MAX_PARTS,
        behind_head("JPEG", bytes(MIB)),
        behind_head("JPEG", b"\xff" * MIB),
        photograph("JPEG")[:-2] + b"\xff" * MIB,
        photograph("JPEG")[:-2] + b"\xff" * MIB + b"\xff\xd9",
        behind_head("PNG", chunk(b"teSt") * MAX_PARTS),
        behind_head("PNG", chunk(b"tEXt", b"a\0b") * MAX_PARTS),
        photograph("AVIF") + b"\0\0\0\x08free" * MAX_PARTS,
        b"RIFF" + struct.pack("<I", 4 + 8 * MAX_PARTS) + b"WEBP" + b"EXIF\0\0\0\0" * (MAX_PARTS + 1),
    ],
    ids=[
        "segments",
        "segments in the scan",
        "zeros",
        "fill bytes",
        "filling",
        "filling and end",
        "chunks",
        "texts",
        "boxes",
        "riff",
    ],
)
def test_a_picture_in_more_pieces_than_any_program_writes_is_refused_before_it_is_parsed(data: bytes) -> None:
    with pytest.raises(InvalidImage, match=r"parts|padded"):
        decode(data)


def test_a_few_fill_bytes_and_a_thousand_chunks_are_read() -> None:
    assert decode(behind_head("JPEG", b"\xff" * 100)).width == 64
    assert decode(behind_head("PNG", chunk(b"teSt") * 1000)).width == 64


@pytest.mark.parametrize("distance", [(1 << 18) - 3, (1 << 18), (1 << 18) + 1])
def test_markup_is_seen_across_the_edge_of_a_window_and_in_capitals(distance: int) -> None:
    data = photograph("JPEG") + b"\x01" * distance + b"<ScRiPt>"
    assert find_foreign_part(data, "jpeg") == b"<ScRiPt>"
