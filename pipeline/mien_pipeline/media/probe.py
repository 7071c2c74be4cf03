"""A file's format and the size of its picture, from its header alone; refusals come before anything is decoded.

It needs no library but Pillow, so the daemon's front process may probe every upload.
"""

import functools
import importlib
import io
import mmap
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
from mien_pipeline.media.directory import require_honest_directories
from mien_pipeline.media.polyglot import Bytes, find_foreign_part, join_jpeg_exif

# 108-megapixel telephones and 102-megapixel medium format fit. Decoded, that is 360 MB of RGB, and a swap needs at
# most eight times as much: a 4 GB machine can still give that.
MAX_PIXELS = 120_000_000
# OpenCV's remap and warpAffine address pixels with 16-bit signed coordinates.
MAX_SIDE = 32_000
# Compressed photographs of 108 megapixels are 20 to 80 MB, so this leaves room for metadata. An uncompressed file may
# have 50 megapixels at four bytes a pixel. The daemon's own default is the same.
MAX_FILE_BYTES = 200_000_000

READABLE = {
    "JPEG": "jpeg",
    "MPO": "jpeg",  # a photograph first, then its depth or gain map, as many telephones write
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tiff",
    "BMP": "bmp",
    "HEIF": "heif",
}
"""Pillow's names for the formats it may try, and ours."""

# Everything that Pillow's parsers are known to raise on damaged files. Each means the same to a person.
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
_HEAD = 4096


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
    """The picture, parsed but not decoded, and what its header says.

    Raises:
        InvalidImage, ImageTooLarge: as `probe`; also from the block, where the body proves damaged as it decodes.
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
    if kind == "tiff":
        require_honest_directories(data)
    elif kind == "jpeg":  # Pillow parses its EXIF as it opens the file
        require_honest_directories(join_jpeg_exif(data))
    names = [name for name, ours in READABLE.items() if ours == kind]
    with _silence_pillow():
        try:
            # Named formats only: Pillow must not guess another parser from the content.
            with PIL.Image.open(_as_file(data), formats=names) as picture:
                info = _check_size(picture, kind)
                _drop_boundless_exif(picture)
                yield picture, info
        except (PIL.Image.DecompressionBombError, MemoryError) as error:
            raise ImageTooLarge(
                "the picture needs more memory than the limits allow", limit_pixels=MAX_PIXELS
            ) from error
        except DAMAGE as error:
            raise InvalidImage(f"the {kind} file is damaged or incomplete", found=kind) from error


def kind_of(head: bytes) -> str:
    """The format that the first bytes of a file name, as "jpeg" or "pdf"; "unknown", or "nothing" for no bytes."""
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
    """The formats that this installation reads, sorted, for a message."""
    return sorted({kind for kind in READABLE.values() if kind != "heif" or _heif_is_readable()})


def _kind_of_brands(head: bytes) -> str:
    """The format of an ISO container. AVIF and HEIF share it: the major brand decides, then the compatible ones."""
    length = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in {b"mif1", b"msf1"} and _AVIF_BRANDS & set(brands)):
        return "avif"
    return "heif" if brands[0] in _HEIF_BRANDS else "video"


@functools.cache
def _heif_is_readable() -> bool:
    """Whether pillow-heif is installed. It is optional: its codec has patents of its own."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


def _check_size(picture: PIL.Image.Image, kind: str) -> PictureInfo:
    """What the header says; raises where that is beyond the limits, animated or empty."""
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
    """How many frames the header promises. For TIFF 2 means "more than one": to count, Pillow walks every directory."""
    if kind != "tiff":
        return int(getattr(picture, "n_frames", 1))
    try:
        picture.seek(1)
    except EOFError:
        return 1
    finally:
        picture.seek(0)
    return 2


def _drop_boundless_exif(picture: PIL.Image.Image) -> None:
    """Forget an EXIF block that takes more memory than it has bytes: it counts as damaged, the picture does not."""
    exif = picture.info.get("exif")
    if isinstance(exif, bytes):
        try:
            require_honest_directories(exif.removeprefix(b"Exif\0\0"))
        except InvalidImage:
            del picture.info["exif"]


def _refuse_polyglot(data: Bytes, kind: str) -> None:
    """Refuse a picture that another program would take for something else."""
    foreign = find_foreign_part(data, kind)
    if foreign is not None:
        raise InvalidImage(
            f"the file is a {kind} picture and something else as well", found=f"polyglot {kind}", also=kind_of(foreign)
        )


_filters = threading.Lock()


def _as_file(data: Bytes) -> IO[bytes]:
    """A file over the same memory; a mapped file is one already."""
    return io.BytesIO(data) if isinstance(data, bytes) else cast(IO[bytes], data)


@contextmanager
def _silence_pillow() -> Generator[None]:
    """Silence Pillow's warnings: `probe` decides what they are about. The filters are the process's, hence a lock."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
