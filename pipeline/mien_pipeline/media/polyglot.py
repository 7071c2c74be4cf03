"""Pictures that are another program's file as well: an archive, a program, a page, a second picture."""

import mmap
import re
from collections.abc import Iterator

from mien_core.errors import InvalidImage

Bytes = bytes | mmap.mmap

# Nothing here may cost more than the length of the file, and no single step may hold the interpreter long, however the
# file was made: other threads of the process must be able to say that it lives. Hence windows, and no expression that
# can go back over what it has read.
_WINDOW = 1 << 18
_BLANK = b"\0 \t\n\r\v\f"
# The start of something another program would act on. It must not come right after a picture's own end.
_FOREIGN_START = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-|\x7fELF|MZ|Rar!|7z\xbc\xaf|\x1f\x8b|\x89PNG|GIF8|RIFF|BZh|#!|<[!?a-z]", re.IGNORECASE
)
_FOREIGN_START_BYTES = 8
# These must not come anywhere after it, in capitals or not. They are too long to turn up by chance in the film of a
# moving picture.
_FOREIGN_ANYWHERE = (b"%pdf-1", b"rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"<?php", b"<!doctype", b"<html", b"<script")
_SVG = re.compile(rb"<svg[\s>]")
_LONGEST_WORD = max(map(len, _FOREIGN_ANYWHERE))
# A JPEG of a telephone has some dozens of parts, a PNG of 200 MB in pieces of 8 kB, as libpng writes them, 25,000.
# Parsers keep a list of all of them: a file of nothing but empty parts would take gigabytes and minutes.
MAX_PARTS = 65_536
# Bytes before a JPEG's first scan that belong to no part. Parsers step over each of them one by one.
MAX_JUNK_BYTES = 65_536
_PDF_MARK = b"%PDF-"
_PDF_HEAD = 1024  # readers look for the mark in the first kilobyte
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # stuffed zeros and restart markers lie inside the scan
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_FILLING = b"\xff" * MAX_JUNK_BYTES
_EXIF = b"Exif\0\0"
_MAX_EXIF_BYTES = 1 << 20  # a segment has 64 kB at most; only a thumbnail too large for one makes a second
_LENGTHLESS = {0x01, 0xD8}
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557  # the record's 22 bytes and its longest comment
_EXCERPT = 4096


def find_foreign_part(data: Bytes, kind: str) -> bytes | None:
    """The start of what else the picture `data` is, at most 4096 bytes; None where it is nothing but a picture.

    `kind` is the picture's own format. The bytes after the picture's end are searched for the beginnings of archives,
    programs, markup and other pictures. A zip archive is also known by its last record, a PDF by its mark in the
    first kilobyte. A film after a photograph (a telephone's moving picture) and a JPEG's own further pictures pass:
    no trailer ever reaches a result.

    Raises:
        InvalidImage: the file is in more parts, or padded further, than any program writes it.
    """
    foreign = _find_foreign_tail(data, kind) or _find_zip_end(data)
    return _PDF_MARK if foreign is None and _PDF_MARK in data[:_PDF_HEAD] else foreign


def _find_foreign_tail(data: Bytes, kind: str) -> bytes | None:
    end = _ENDS[kind](data) if kind in _ENDS else None
    if end is None or end >= len(data):
        return None
    start = _skip_blanks(data, end)
    if not _FOREIGN_START.match(data[start : start + _FOREIGN_START_BYTES]):
        start = _find_anywhere(data, start)
    return data[start : start + _EXCERPT] if start < len(data) else None


def _skip_blanks(data: Bytes, at: int) -> int:
    """Where the first byte lies that is neither zero nor white space; the file's length if there is none."""
    while window := data[at : at + _WINDOW]:
        if rest := window.lstrip(_BLANK):
            return at + len(window) - len(rest)
        at += len(window)
    return at


def _find_anywhere(data: Bytes, at: int) -> int:
    """Where the first of `_FOREIGN_ANYWHERE` begins; the file's length if there is none."""
    while window := data[at : at + _WINDOW + _LONGEST_WORD]:
        lower = window.lower()
        places = [place for word in _FOREIGN_ANYWHERE if (place := lower.find(word)) >= 0]
        if svg := _SVG.search(lower):
            places.append(svg.start())
        if places:
            return at + min(places)
        at += _WINDOW
    return len(data)


def _find_zip_end(data: Bytes) -> bytes | None:
    """The archive's last record, if its comment reaches exactly to the end of the file."""
    tail = data[-_ZIP_TAIL:]
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) < at + 22:
        return None
    return _ZIP_END if at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) else None


def join_jpeg_exif(data: Bytes) -> bytes:
    """The EXIF of a JPEG as parsers see it: one block, however many segments it is spread over.

    Raises:
        InvalidImage: as `find_foreign_part`, and where the block is longer than any honest one.
    """
    joined = b""
    for marker, at in _list_jpeg_parts(data):
        if marker in (_EOI, _SOS):
            break
        if marker == _APP1 and data[at + 2 : at + 8] == _EXIF:
            joined += data[at + 8 : at + int.from_bytes(data[at : at + 2], "big")]
        if len(joined) > _MAX_EXIF_BYTES:
            raise InvalidImage(
                "the jpeg file has more metadata than picture programs write",
                found="boundless exif",
                reason="too-many-parts",
            )
    return joined


def _find_jpeg_end(data: Bytes) -> int | None:
    end = next((at for marker, at in _list_jpeg_parts(data) if marker == _EOI), None)
    _require_no_filling(data, len(data) if end is None else end)
    return end


def _require_no_filling(data: Bytes, end: int) -> None:
    """Refuse a long run of fill bytes: Pillow gathers it anew with each block it reads, 40 MB of them for 80 s."""
    for at in range(0, end, _WINDOW):
        if _FILLING in data[at : min(at + _WINDOW + len(_FILLING), end)]:
            raise InvalidImage("the jpeg file is padded in the middle of its picture", found="padded jpeg")


def _list_jpeg_parts(data: Bytes) -> Iterator[tuple[int, int]]:
    """Every marker with the place behind its name, to the end of the file or to the marker of the picture's end."""
    at, junk, scanning = 2, 0, False
    for _ in range(MAX_PARTS):
        stop = len(data) if scanning else at + MAX_JUNK_BYTES + 2 - junk
        found = _find_jpeg_marker(data, at, stop)
        if found is None and stop >= len(data):
            return
        if found is None:
            raise InvalidImage(
                "the jpeg file is padded before its picture begins", found="padded jpeg", reason="too-many-parts"
            )
        marker = data[found]
        junk += 0 if scanning else found - 1 - at
        at = found + 1
        yield marker, at
        if marker == _EOI:
            return
        if marker not in _LENGTHLESS:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
        scanning = scanning or marker == _SOS
    raise _too_many_parts("jpeg")


def _find_jpeg_marker(data: Bytes, at: int, stop: int) -> int | None:
    """Where the name of the next marker lies, looking no further than `stop`."""
    while at < min(stop, len(data)):
        if match := _JPEG_MARKER.search(data, at, min(at + _WINDOW, stop)):
            return match.start(1)
        at += _WINDOW - 1  # a marker may lie across the edge
    return None


def _find_png_end(data: Bytes) -> int | None:
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(data):
            return None
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at
    raise _too_many_parts("png")


def _too_many_parts(kind: str) -> InvalidImage:
    return InvalidImage(
        f"the {kind} file has more than {MAX_PARTS:,} parts", found=f"{kind} in too many parts", reason="too-many-parts"
    )


def _find_riff_end(data: Bytes) -> int:
    size = int.from_bytes(data[4:8], "little")
    end, at = 8 + size + size % 2, 12
    for _ in range(MAX_PARTS):
        if at >= min(end, len(data)):
            return end
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    raise _too_many_parts("webp")


def _find_boxes_end(data: Bytes) -> int:
    """The end of the last whole box of an ISO container."""
    at = 0
    for _ in range(MAX_PARTS):
        if at + 8 > len(data) or not data[at + 4 : at + 8].isalnum():
            return at
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8 or at + size > len(data):
            return len(data)  # a size of 0 runs to the end of the file; the decoder judges any other
        at += size
    raise _too_many_parts("picture")


def _find_bmp_end(data: Bytes) -> int | None:
    return int.from_bytes(data[2:6], "little") or None


_ENDS = {
    "jpeg": _find_jpeg_end,
    "png": _find_png_end,
    "webp": _find_riff_end,
    "avif": _find_boxes_end,
    "heif": _find_boxes_end,
    "bmp": _find_bmp_end,
}
"""Where a picture's own bytes end; a TIFF's parts may lie anywhere."""
