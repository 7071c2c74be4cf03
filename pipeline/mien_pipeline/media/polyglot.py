"""Pictures that are another program's file as well: an archive, a program, a page, a second picture."""

import mmap
import re

Bytes = bytes | mmap.mmap

# The start of something another program would act on. It must not come right after a picture's own end.
_FOREIGN_START = re.compile(
    rb"[\0\s]*(PK\x03\x04|PK\x05\x06|%PDF-|\x7fELF|MZ|Rar!|7z\xbc\xaf|\x1f\x8b|\x89PNG|GIF8|RIFF|BZh|#!|<[!?a-z])",
    re.IGNORECASE,
)
# These must not come anywhere after it. They are too long to turn up by chance in the film of a moving picture.
_FOREIGN_ANYWHERE = re.compile(
    rb"%PDF-1|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|<\?php|<!doctype|<html|<script|<svg[\s>]", re.IGNORECASE
)
_PDF_MARK = b"%PDF-"
_PDF_HEAD = 1024  # readers look for the mark in the first kilobyte
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # stuffed zeros and restart markers lie inside the scan
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557  # the record's 22 bytes and its longest comment
_EXCERPT = 4096


def find_foreign_part(data: Bytes, kind: str) -> bytes | None:
    """The start of what else the picture `data` is, at most 4096 bytes; None where it is nothing but a picture.

    `kind` is the picture's own format. The bytes after the picture's end are searched for the beginnings of archives,
    programs, markup and other pictures. A zip archive is also known by its last record, a PDF by its mark in the
    first kilobyte. A film after a photograph (a telephone's moving picture) and a JPEG's own further pictures pass:
    no trailer ever reaches a result.
    """
    foreign = _find_foreign_tail(data, kind) or _find_zip_end(data)
    return _PDF_MARK if foreign is None and _PDF_MARK in data[:_PDF_HEAD] else foreign


def _find_foreign_tail(data: Bytes, kind: str) -> bytes | None:
    end = _ENDS[kind](data) if kind in _ENDS else None
    if end is None or end >= len(data):
        return None
    if start := _FOREIGN_START.match(data, end):
        return data[start.start(1) : start.start(1) + _EXCERPT]
    anywhere = _FOREIGN_ANYWHERE.search(data, end)
    return data[anywhere.start() : anywhere.start() + _EXCERPT] if anywhere else None


def _find_zip_end(data: Bytes) -> bytes | None:
    """The archive's last record, if its comment reaches exactly to the end of the file."""
    tail = data[-_ZIP_TAIL:]
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) < at + 22:
        return None
    return _ZIP_END if at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) else None


def _find_jpeg_end(data: Bytes) -> int | None:
    at = 2
    while match := _JPEG_MARKER.search(data, at):
        marker = match.group(1)[0]
        at = match.end()
        if marker == 0xD9:
            return at
        if marker not in (0x01, 0xD8):  # these two have no length
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return None


def _find_png_end(data: Bytes) -> int | None:
    at = 8
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at
    return None


def _find_riff_end(data: Bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little") + int.from_bytes(data[4:8], "little") % 2


def _find_boxes_end(data: Bytes) -> int:
    """The end of the last whole box of an ISO container."""
    at = 0
    while at + 8 <= len(data) and data[at + 4 : at + 8].isalnum():
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8 or at + size > len(data):
            return len(data)  # a size of 0 runs to the end of the file; the decoder judges any other
        at += size
    return at


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
