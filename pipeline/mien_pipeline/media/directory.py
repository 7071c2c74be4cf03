"""How much the directories of a TIFF file or an EXIF block promise, before a parser believes them.

Pillow copies the value of every entry. Sixty thousand entries may each name the same hundred megabytes, and a
directory may name itself as the next one. No honest file does either.
"""

import struct

from mien_core.errors import InvalidImage
from mien_pipeline.media.polyglot import Bytes

# A TIFF or EXIF directory has some dozens of entries; with maker notes, some hundreds.
MAX_ENTRIES = 4096
MAX_DIRECTORIES = 64
# Sizes of the field types 1–18, TIFF 6.0 section 2 and the BigTIFF design; any other type is skipped by parsers.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Entries that name further directories: SubIFDs, Exif, GPS, Interoperability.
_NESTED = {330, 34665, 34853, 40965}


def require_honest_directories(data: Bytes, start: int = 0) -> None:
    """Return if the directories of the TIFF structure at `start` hold no more than the file does.

    What lies outside the file is left to the parser, which says that the file is damaged.

    Raises:
        InvalidImage: too many directories or entries, or values that are longer than the file together.
    """
    order = "<" if data[start : start + 2] == b"II" else ">"
    big = data[start + 2 : start + 4] in {b"+\0", b"\0+"}
    word, first = ("Q", start + 8) if big else ("I", start + 4)
    offset = _number(data, first, order + word)
    waiting, seen, entries, promised = [offset], set[int](), 0, 0
    while waiting:
        at = waiting.pop()
        if at is None or at == 0 or at in seen:
            continue
        seen.add(at)
        if len(seen) > MAX_DIRECTORIES:
            raise _dishonest(f"more than {MAX_DIRECTORIES} directories")
        count = _number(data, start + at, order + ("Q" if big else "H")) or 0
        entries += count
        if entries > MAX_ENTRIES:
            raise _dishonest(f"more than {MAX_ENTRIES:,} entries")
        place = start + at + (8 if big else 2)
        for _ in range(count):
            tag, size, nested = _read_entry(data, place, order, word)
            promised += size
            if promised > len(data):
                raise _dishonest("values that are longer than the file")
            if tag in _NESTED:
                waiting.append(nested)
            place += 20 if big else 12
        waiting.append(_number(data, place, order + word))


def _read_entry(data: Bytes, at: int, order: str, word: str) -> tuple[int, int, int | None]:
    """(tag, bytes of the value that lie elsewhere, the value as an offset)."""
    length = struct.calcsize(f"{order}HH{word}{word}")
    if at + length > len(data):
        return 0, 0, None
    tag, kind, count, value = struct.unpack(f"{order}HH{word}{word}", data[at : at + length])
    size = count * _SIZES.get(kind, 0)
    return tag, size if size > struct.calcsize(order + word) else 0, value


def _number(data: Bytes, at: int, form: str) -> int | None:
    """The number at a place; None outside the file."""
    piece = data[at : at + struct.calcsize(form)]
    return int(struct.unpack(form, piece)[0]) if len(piece) == struct.calcsize(form) else None


def _dishonest(what: str) -> InvalidImage:
    return InvalidImage(
        f"the file's directories promise {what}", found="boundless directories", reason="too-many-parts"
    )
