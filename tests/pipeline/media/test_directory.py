"""Directories that promise more than the file holds are refused before a parser copies what they promise."""

import struct

import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.decode import decode
from mien_pipeline.media.directory import MAX_DIRECTORIES, MAX_ENTRIES, require_honest_directories
from mien_testing.files import photograph

EXIF_IFD = 34665


def directory(entries: int, *, size: int = 0, offset: int = 0, following: int = 0, tag: int = 50_000) -> bytes:
    """A little-endian directory of byte fields of `size` bytes each, all at one place."""
    fields = b"".join(struct.pack("<HHII", tag + number % 10_000, 7, size, offset) for number in range(entries))
    return struct.pack("<H", entries) + fields + struct.pack("<I", following)


def tiff(body: bytes) -> bytes:
    return b"II*\0" + struct.pack("<I", 8) + body


def test_a_photographs_own_directories_are_honest() -> None:
    require_honest_directories(photograph("TIFF"))
    require_honest_directories(tiff(directory(MAX_ENTRIES)))


@pytest.mark.parametrize(
    "data",
    [
        tiff(directory(MAX_ENTRIES + 1)),
        tiff(directory(100, size=1000, offset=8)),
        tiff(directory(1, size=2**32 - 1)),
        b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 65_535),
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**63),
    ],
    ids=["entries", "one value a hundred times", "a value longer than the file", "big-endian", "BigTIFF"],
)
def test_what_promises_more_than_it_has_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="promise"):
        require_honest_directories(data)


def test_a_circle_ends_and_a_chain_is_bounded() -> None:
    require_honest_directories(tiff(directory(1, following=8)))
    require_honest_directories(tiff(struct.pack("<HHHIII", 1, EXIF_IFD, 4, 1, 8, 8)))
    links = b"".join(directory(0, following=8 + 6 * (number + 1)) for number in range(MAX_DIRECTORIES + 1))
    with pytest.raises(InvalidImage, match="directories"):
        require_honest_directories(tiff(links))


def test_values_below_a_nested_directory_count_too() -> None:
    nested = directory(100, size=1000, offset=8)
    with pytest.raises(InvalidImage):
        require_honest_directories(tiff(struct.pack("<HHHIII", 1, EXIF_IFD, 4, 1, 26, 0) + nested))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_whose_exif_block_is_boundless_is_read_without_it(kind: str) -> None:
    boundless = b"Exif\0\0" + tiff(directory(3000, size=30_000, offset=8))
    assert decode(photograph(kind, exif=boundless)).exif is None


def test_a_jpeg_whose_exif_block_is_boundless_is_refused() -> None:
    boundless = b"Exif\0\0" + tiff(directory(3000, size=30_000, offset=8))
    with pytest.raises(InvalidImage, match="promise"):
        decode(photograph("JPEG", exif=boundless))


def test_a_jpegs_exif_is_judged_as_a_whole_however_many_segments_it_is_in() -> None:
    block = tiff(directory(3000, size=60_000, offset=8)) + bytes(30_000)
    pieces = [block[at : at + 20_000] for at in range(0, len(block), 20_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", 8 + len(piece)) + b"Exif\0\0" + piece for piece in pieces)
    whole = photograph("JPEG")
    with pytest.raises(InvalidImage, match="promise"):
        decode(whole[:2] + segments + whole[2:])
    many = (b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65_527)) * 20
    with pytest.raises(InvalidImage, match="metadata"):
        decode(whole[:2] + many + whole[2:])
