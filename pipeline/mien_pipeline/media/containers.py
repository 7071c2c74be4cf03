"""How long a WebP, AVIF, HEIC, BMP or TIFF file has to be, by what it says of itself, and what it left out.

Decoders differ in what they do about a file that ends early; this does not depend on them.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, cast

import numpy as np
import PIL.Image

from mien_core.errors import InvalidImage
from mien_pipeline.image import Pixels
from mien_pipeline.media import jpeg
from mien_pipeline.media.damage import refuse_damaged
from mien_pipeline.media.polyglot import Bytes

_MAX_BOXES = 65_536
_OFFSETS, _COUNTS, _ROWS_PER_STRIP, _COMPRESSION = 273, 279, 278, 259
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_WIDTH, _LENGTH = 256, 257
_PLANES, _SAMPLES, _JPEG_TABLES = 284, 277, 347
_RAW, _JPEG = 1, 7
_NUMBER_BYTES = {3: 2, 4: 4, 16: 8}

# What blocks that libde265 never reached look like: Y, Cb and Cr all 0, by ITU-R BT.601, 709 and 2020, of full and of
# limited range. No encoder makes these from a picture: their Y is far too dark for such a green.
_UNFILLED_GREENS = (135, 136, 84, 83, 77, 76, 94, 93, 89, 88)
_BLOCK = 16  # HEVC's smallest coding tree block


def check_length(data: Bytes, kind: str) -> None:
    """Raise `InvalidImage` where the file ends before it says that it does."""
    if kind == "webp":
        promised = 8 + int.from_bytes(data[4:8], "little")
    elif kind in {"avif", "heif"}:
        promised = _end_of_boxes(data)
    elif kind == "tiff":
        promised = _end_of_directory(data)
    else:
        return
    if promised > len(data):
        raise refuse_damaged(
            kind, "ends-early", f"the file ends early, {promised - len(data):,} bytes are missing", bytes=len(data)
        )


def _end_of_boxes(data: Bytes) -> int:
    """Where the last box of an ISO container ends (ISO/IEC 14496-12, section 4.2)."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data) or not data[at + 4 : at + 8].isalnum():
            return at
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return at  # 0 runs to the end of the file
        at += size
    return at


def _end_of_directory(data: Bytes) -> int:
    """Where a TIFF's first directory ends, with the places of its strips or tiles; a BigTIFF has longer numbers."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    at, size, count, entry = (8, 8, 8, 20) if b"+" in data[2:4] else (4, 4, 2, 12)

    def read(place: int, length: int) -> int:
        return int.from_bytes(data[place : place + length], order)

    start = read(at, size) + count
    end = start + entry * min(read(start - count, count), _MAX_BOXES)
    for place in range(start, min(end, len(data)), entry):
        if read(place, 2) in {_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS, _JPEG_TABLES}:
            length = read(place + 4, size) * _NUMBER_BYTES.get(read(place + 2, 2), 1)
            end = max(end, read(place + 4 + size, size) + length if length > size else 0)
    return end


def check_pieces(picture: PIL.Image.Image, data: Bytes) -> None:
    """Raise `InvalidImage` where a TIFF lacks a strip or a tile, or its JPEG pieces end early.

    Tiles that a file leaves out (offset and length 0) are read as black by libtiff.
    """
    tags = getattr(picture, "tag_v2", {})
    tiled = _TILE_OFFSETS in tags
    offsets = _numbers(tags.get(_TILE_OFFSETS if tiled else _OFFSETS))
    counts = _numbers(tags.get(_TILE_COUNTS if tiled else _COUNTS))
    # As stored: Pillow names the sides as its orientation will turn them.
    width, height = (_numbers(tags.get(tag))[0] for tag in (_WIDTH, _LENGTH))
    across, rows = _shape_of_pieces(width, height, tags)
    planes = int(tags.get(_SAMPLES, 1)) if tags.get(_PLANES, 1) == 2 else 1
    expected = across * -(-height // rows) * planes
    compression = tags.get(_COMPRESSION, _RAW)
    for index in range(expected):
        row = index % (expected // planes) // across * rows + 1
        if index >= len(offsets) or not offsets[index] or (index < len(counts) and not counts[index]):
            raise _refuse_piece(row, height, "is not in the file")
        if compression == _RAW or index >= len(counts):
            continue  # Pillow reads these itself and says where the file ends
        piece = data[offsets[index] : offsets[index] + counts[index]]
        if len(piece) < counts[index]:
            raise refuse_damaged("tiff", "ends-early", f"the file ends early, at row {row} of {height}")
        if compression == _JPEG and jpeg.ends_early(bytes(tags.get(_JPEG_TABLES, b"")), bytes(piece)):
            raise _refuse_piece(row, height, "cannot be decoded")


def _shape_of_pieces(width: int, height: int, tags: dict[int, object]) -> tuple[int, int]:
    """How many pieces lie side by side, and how many rows one has."""
    if _TILE_OFFSETS in tags:
        tile_widths, tile_heights = (_numbers(tags.get(tag)) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
        if not (tile_widths and tile_heights and tile_widths[0] > 0 and tile_heights[0] > 0):
            raise refuse_damaged("tiff", "bad-header", "it does not say how large its tiles are")
        return -(-width // tile_widths[0]), tile_heights[0]
    rows = _numbers(tags.get(_ROWS_PER_STRIP)) or [height]
    return 1, max(1, min(rows[0], height))


def _numbers(value: object) -> Sequence[int]:
    """A tag's numbers; Pillow gives a single one bare."""
    if value is None:
        return []
    return [int(cast(int, each)) for each in (value if isinstance(value, Iterable) else (value,))]


def _refuse_piece(row: int, rows: int, what: str) -> InvalidImage:
    return refuse_damaged("tiff", "rows-missing", f"row {row} of {rows} {what}", row=row, rows=rows)


def check_filled(picture: PIL.Image.Image) -> None:
    """Raise `InvalidImage` where a HEIC picture has a block that its decoder never reached."""
    if picture.mode not in {"RGB", "RGBA"}:
        return
    pixels: Pixels = np.asarray(picture)[..., :3]
    middle = pixels[_BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK]
    suspect = (middle[..., 0] == 0) & (middle[..., 2] == 0) & np.isin(middle[..., 1], _UNFILLED_GREENS)
    for row, column in np.argwhere(suspect):
        block = pixels[row * _BLOCK : (row + 1) * _BLOCK, column * _BLOCK : (column + 1) * _BLOCK]
        if (block == block[0, 0]).all():
            row = int(row) * _BLOCK + 1
            raise refuse_damaged(
                "heif", "rows-missing", f"row {row} of {len(pixels)} cannot be decoded", row=row, rows=len(pixels)
            )
