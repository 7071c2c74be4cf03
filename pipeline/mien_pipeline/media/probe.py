"""What a file claims to be and how large its picture is, told from its header, before anything is decoded.

Pillow alone, so that the daemon's front process may ask this of every upload.
"""

import functools
import importlib
import io
import mmap
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import PIL.Image

from mien_core.errors import ImageTooLarge, InvalidImage

# 108-megapixel telephones and 102-megapixel medium format fit. Decoded, that is 360 MB of RGB, and a swap
# needs at most eight times as much: what a 4 GB machine can still give.
MAX_PIXELS = 120_000_000
# OpenCV's remap and warpAffine address pixels with 16-bit signed coordinates.
MAX_SIDE = 32_000
# Four bytes a pixel and 1.6 times room for metadata: the largest honest uncompressed file of MAX_PIXELS stays
# below twice this; compressed photographs of 108 megapixels are 20 to 80 MB. The daemon's own default is the same.
MAX_FILE_BYTES = 200_000_000

READABLE = {
    "JPEG": "jpeg",
    "MPO": "jpeg",  # with a depth or gain map behind it, as many telephones write; the first is the photograph
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tiff",
    "BMP": "bmp",
    "HEIF": "heif",
}
"""Pillow's names for the formats it may try, and ours."""

# Everything Pillow's parsers are known to raise on damaged files; each is the same news to a person.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
    (b"PK", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"8BPS", "psd"),
    (b"\0\0\1\0", "ico"),
    (b"\xff\x0a", "jpeg-xl"),
    (b"\0\0\0\x0cJXL ", "jpeg-xl"),
    (b"\0\0\0\x0cjP  ", "jpeg-2000"),
    (b"\x1aE\xdf\xa3", "matroska"),
)
# What must not stand right behind a picture: the start of something another program would act on.
_FOREIGN_START = re.compile(
    rb"[\0\s]*(PK\x03\x04|PK\x05\x06|%PDF-|\x7fELF|MZ|Rar!|7z\xbc\xaf|\x1f\x8b|\x89PNG|GIF8|RIFF|BZh|#!|<[!?a-z])",
    re.IGNORECASE,
)
# Nor these anywhere behind it: long enough not to turn up by chance in the film that follows a moving picture.
_FOREIGN_ANYWHERE = re.compile(
    rb"%PDF-1|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|<\?php|<!doctype|<html|<script|<svg[\s>]", re.IGNORECASE
)
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # stuffed zeros and restart markers stand inside the scan
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557  # the record's 22 bytes and its longest comment
_HEAD = 4096

Bytes = bytes | mmap.mmap


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What the header says.

    Attributes:
        format: "jpeg", "png", "webp", "avif", "tiff", "bmp" or "heif".
        width, height: stored pixels, before any EXIF turn.
        frames: 1; anything else was refused.
    """

    format: str
    width: int
    height: int
    frames: int = 1


def probe(source: bytes | Path) -> PictureInfo:
    """Format and size of a picture, from its header alone; pixels are never decoded.

    Raises:
        InvalidImage: not a format Mien reads, animated, or a file that is also something else; `found` names it.
        ImageTooLarge: more bytes or pixels than the limits, counting every frame.
    """
    if isinstance(source, bytes):
        with open_picture(source) as (_, info):
            return info
    with source.open("rb") as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise InvalidImage("the file is empty", found="nothing")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, open_picture(data) as (_, info):
            return info


@contextmanager
def open_picture(data: Bytes) -> Generator[tuple[PIL.Image.Image, PictureInfo]]:
    """The picture, parsed but not decoded, and what its header says; raises as `probe` does.

    Damage that shows only while the body decodes is `InvalidImage` as well.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the file has {len(data):,} bytes, the limit is {MAX_FILE_BYTES:,}",
            bytes=len(data),
            limit_bytes=MAX_FILE_BYTES,
        )
    kind = kind_of(data[:_HEAD])
    if kind not in READABLE.values():
        raise InvalidImage(f"{kind} is not a picture format Mien reads", found=kind, readable=readable_formats())
    if kind == "heif" and not _heif_is_readable():
        raise InvalidImage("HEIC needs the package pillow-heif", found=kind, readable=readable_formats())
    _refuse_polyglot(data, kind)
    names = [name for name, ours in READABLE.items() if ours == kind]
    with _silence_pillow():
        try:
            # Named formats only: Pillow must not guess another parser from the content.
            with PIL.Image.open(_as_file(data), formats=names) as picture:
                info = _check_size(picture, kind)
                yield picture, info
        except (PIL.Image.DecompressionBombError, MemoryError) as error:
            raise ImageTooLarge(
                "the picture needs more memory than the limits allow", limit_pixels=MAX_PIXELS
            ) from error
        except DAMAGE as error:
            raise InvalidImage(f"the {kind} file is damaged or incomplete", found=kind) from error


def kind_of(head: bytes) -> str:
    """What the first bytes say, as a short name; "unknown" where nothing is known."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF":
        return "webp" if head[8:12] == b"WEBP" else "riff"
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        return "svg" if b"<svg" in text else "markup"
    return "unknown" if head else "nothing"


def readable_formats() -> list[str]:
    """What this installation reads, for a message."""
    return sorted({kind for kind in READABLE.values() if kind != "heif" or _heif_is_readable()})


def _kind_of_brands(head: bytes) -> str:
    """AVIF and HEIF share one container; the major brand decides, then the compatible ones."""
    length = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in {b"mif1", b"msf1"} and _AVIF_BRANDS & set(brands)):
        return "avif"
    return "heif" if brands[0] in _HEIF_BRANDS else "video"


@functools.cache
def _heif_is_readable() -> bool:
    """HEIC comes through pillow-heif where a person installed it; it bundles a codec with patents of its own."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


def _check_size(picture: PIL.Image.Image, kind: str) -> PictureInfo:
    width, height = picture.size
    frames = 1 if picture.format == "MPO" else _count_frames(picture, kind)
    if width * height * frames > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"the picture has {width} × {height} pixels"
            + (f" in {frames} frames" if frames > 1 else "")
            + f"; the limits are {MAX_PIXELS:,} in all and {MAX_SIDE:,} on a side",
            width=width,
            height=height,
            frames=frames,
            limit_pixels=MAX_PIXELS,
        )
    if frames > 1:
        raise InvalidImage("the file holds several pictures or an animation", found=f"animated {kind}", frames=frames)
    if min(width, height) < 1:
        raise InvalidImage("the picture has no pixels", found=kind)
    return PictureInfo(kind, width, height)


def _count_frames(picture: PIL.Image.Image, kind: str) -> int:
    """How many frames the header promises. For TIFF 2 means "more than one": counting walks every directory."""
    if kind != "tiff":
        return int(getattr(picture, "n_frames", 1))
    try:
        picture.seek(1)
    except EOFError:
        return 1
    finally:
        picture.seek(0)
    return 2


def _refuse_polyglot(data: Bytes, kind: str) -> None:
    """Refuse a picture that another program would take for something else.

    What lies after the picture's own end is searched for the beginnings of archives, programs, markup and
    other pictures; a zip archive is also known by its last record, a PDF by its mark in the first kilobyte.
    A film after a photograph (a telephone's moving picture) and a JPEG's own further pictures pass: no
    trailer ever reaches a result.
    """
    foreign = _find_foreign_tail(data, kind) or _find_zip_end(data)
    if foreign is None and b"%PDF-" in data[:1024]:
        foreign = b"%PDF-"
    if foreign is not None:
        raise InvalidImage(
            f"the file is a {kind} picture and something else as well", found=f"polyglot {kind}", also=kind_of(foreign)
        )


def _find_foreign_tail(data: Bytes, kind: str) -> bytes | None:
    end = _ENDS[kind](data) if kind in _ENDS else None
    if end is None or end >= len(data):
        return None
    if start := _FOREIGN_START.match(data, end):
        return data[start.start(1) : start.start(1) + _HEAD]
    anywhere = _FOREIGN_ANYWHERE.search(data, end)
    return data[anywhere.start() : anywhere.start() + _HEAD] if anywhere else None


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
            return len(data)  # 0 runs to the end of the file; anything else the decoder will judge
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


_filters = threading.Lock()


def _as_file(data: Bytes) -> IO[bytes]:
    """A file over the same memory; a mapped file is one already."""
    return io.BytesIO(data) if isinstance(data, bytes) else cast(IO[bytes], data)


@contextmanager
def _silence_pillow() -> Generator[None]:
    """Pillow warns of oddities that are decided here; the filters are the whole process's, so one at a time."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
