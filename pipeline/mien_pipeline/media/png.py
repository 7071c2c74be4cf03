"""PNG files chunk by chunk: every checksum is checked, and text that the product does not read is never unpacked.

Source: PNG specification, third edition (W3C 2025), sections 5 and 11.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import PIL.Image
import PIL.PngImagePlugin

from mien_core.errors import InvalidImage
from mien_pipeline.media.damage import refuse_damaged
from mien_pipeline.media.polyglot import Bytes

SIGNATURE_BYTES = 8
_AROUND = 12  # length, name and checksum around what a chunk holds

# Pillow's budget for one unpacked text or colour profile is 1 MB. Profiles of printers and scanners have up to 4 MB.
PIL.PngImagePlugin.MAX_TEXT_CHUNK = 8 * 1024 * 1024

# Text is skipped unread, however long it is: a workflow of ComfyUI has megabytes. Only these say how to see the
# picture or what it is; they are read up to the budget.
_READ_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
_TEXT_BUDGET = 1_000_000
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
# A wrong checksum in one of these does not touch a pixel, so the chunk is left out, as browsers do.
_BESIDE_THE_PICTURE = {*_TEXTS, b"tIME", b"eXIf", b"pHYs", b"bKGD", b"hIST", b"sPLT", b"caBX"}
# Photographs have a few hundred chunks, encoders that write 8 kB pieces 25,000 in 200 MB.
_MAX_CHUNKS = 100_000

_ONE_PASS = ((0, 0, 1, 1),)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of each pass of an interlaced picture, and the steps; section 8.2."""
_PIECE = 1 << 20
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type; section 11.2.1


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk's name and place: `start` of its length, `body` of what it holds, `end` after its checksum."""

    name: bytes
    start: int
    body: int
    end: int


def walk_chunks(data: Bytes) -> Iterator[Chunk]:
    """The chunks up to IEND.

    Raises:
        InvalidImage: the file ends within a chunk or before IEND, or has too many; `reason` says which.
    """
    at = SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        if at + _AROUND > len(data):
            raise refuse_damaged("png", "ends-early", "the file ends before the picture does")
        length, name = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
        end = at + _AROUND + length
        if not name.isalpha():
            raise refuse_damaged("png", "bad-data", f"what stands at byte {at:,} is no part of a PNG")
        yield Chunk(name, at, at + 8, end)
        if end > len(data):
            raise refuse_damaged(
                "png", "ends-early", f"the file ends within its {name.decode()} chunk", chunk=name.decode()
            )
        if name == b"IEND":
            return
        at = end
    raise refuse_damaged("png", "bad-data", f"the file has more than {_MAX_CHUNKS:,} chunks")


def cut_head(data: Bytes) -> bytes:
    """The file up to the first pixels, without the text that is not read: enough to know format, size and frames."""
    parts = [bytes(data[:SIGNATURE_BYTES])]
    for chunk in walk_chunks(data):
        if chunk.name == b"IDAT":
            return b"".join([*parts, bytes(data[chunk.start : chunk.body])])
        if not _is_skipped(data, chunk):
            parts.append(bytes(data[chunk.start : chunk.end]))
    raise refuse_damaged("png", "ends-early", "the file holds no pixels")


def check(data: Bytes) -> Bytes:
    """`data`, every checksum checked, without the chunks that are not read; the same object where none is left out.

    Raises:
        InvalidImage: a checksum is wrong in a chunk that the picture needs, or as `walk_chunks`.
    """
    kept: list[Chunk] = []
    whole = True
    with memoryview(data) as view:
        for chunk in walk_chunks(data):
            if chunk.end > len(data):
                continue  # `walk_chunks` refuses next
            right = _has_right_checksum(view, chunk)
            if not right and chunk.name not in _BESIDE_THE_PICTURE:
                raise refuse_damaged(
                    "png",
                    "checksum",
                    f"the checksum of its {chunk.name.decode()} chunk is wrong",
                    chunk=chunk.name.decode(),
                )
            if right and not _is_skipped(data, chunk):
                kept.append(chunk)
            else:
                whole = False
        if whole:
            return data
        return b"".join([view[:SIGNATURE_BYTES], *(view[chunk.start : chunk.end] for chunk in kept)])


def check_rows(picture: PIL.Image.Image, data: Bytes) -> None:
    """Raise `InvalidImage` where the packed pixels end before the last row, in a file that is otherwise right.

    Pillow takes the end of the packed stream for the end of the picture and leaves the rest black. Only a picture
    whose end is black is unpacked a second time.
    """
    end = picture.crop((0, max(0, picture.height - 2), picture.width, picture.height))
    if all(end.crop((0, row, end.width, row + 1)).getbbox(alpha_only=False) for row in range(end.height)):
        return
    lost = find_lost_row(data)
    if lost is not None:
        raise lost


def find_lost_row(data: Bytes) -> InvalidImage | None:
    """What to say of a PNG whose checksums are right; None where its pixels can be unpacked to the last row."""
    chunks = list(walk_chunks(data))
    if chunks[0].name != b"IHDR" or chunks[0].end - chunks[0].body != 17:
        return refuse_damaged("png", "bad-header", "it does not begin with its header")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, chunks[0].body)
    bits = depth * _SAMPLES.get(colour, 1)
    missing = _count_bytes(width, height, bits, _PASSES if interlaced else _ONE_PASS) - _unpack(data, chunks)
    if missing <= 0:
        return None
    if interlaced:
        return refuse_damaged("png", "bad-data", "its pixels end before the last pass does")
    row = height - -(-missing // (1 + (width * bits + 7) // 8)) + 1
    return refuse_damaged("png", "rows-missing", f"row {row} of {height} cannot be decoded", row=row, rows=height)


def _count_bytes(width: int, height: int, bits: int, passes: Sequence[tuple[int, int, int, int]]) -> int:
    """How many bytes the pixels have unpacked, `bits` each; a row begins with its filter (section 9)."""
    total = 0
    for x, y, step_x, step_y in passes:
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _unpack(data: Bytes, chunks: Sequence[Chunk]) -> int:
    """How many bytes of pixels can be unpacked, a piece at a time."""
    inflater, unpacked = zlib.decompressobj(), 0
    try:
        for chunk in chunks:
            rest = data[chunk.body : chunk.end - 4] if chunk.name == b"IDAT" else b""
            while rest and not inflater.eof:
                unpacked += len(inflater.decompress(rest, _PIECE))
                rest = inflater.unconsumed_tail
        while not inflater.eof and (piece := inflater.decompress(inflater.unconsumed_tail, _PIECE)):
            unpacked += len(piece)
    except zlib.error:
        pass  # how far it came is what is asked
    return unpacked


def _is_skipped(data: Bytes, chunk: Chunk) -> bool:
    if chunk.name not in _TEXTS:
        return False
    read = bytes(data[chunk.body : chunk.body + 32]).startswith(_READ_TEXTS)
    return not read or chunk.end - chunk.body > _TEXT_BUDGET


def _has_right_checksum(view: memoryview, chunk: Chunk) -> bool:
    found = int.from_bytes(view[chunk.end - 4 : chunk.end], "big")
    return zlib.crc32(view[chunk.body - 4 : chunk.end - 4]) == found
