"""A file's format and the size of its picture, from its header alone; refusals come before anything is decoded.

`load_picture` also reads every row. A header needs no library but Pillow, so the daemon's front process may probe every
upload.
"""

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
from mien_pipeline.media import containers, jpeg, png
from mien_pipeline.media.damage import refuse_damaged
from mien_pipeline.media.directory import require_honest_directories
from mien_pipeline.media.kinds import READABLE, heif_is_readable, kind_of, readable_formats
from mien_pipeline.media.polyglot import Bytes, find_foreign_part, join_jpeg_exif

# 108-megapixel telephones and 102-megapixel medium format fit. Decoded, that is 360 MB of RGB, and a swap needs at
# most eight times as much, unless its face is wider than 3,400 pixels: a 4 GB machine can still give that.
MAX_PIXELS = 120_000_000
# OpenCV's remap and warpAffine address pixels with 16-bit signed coordinates.
MAX_SIDE = 32_000
# Compressed photographs of 108 megapixels are 20 to 80 MB, so this leaves room for metadata. An uncompressed file may
# have 50 megapixels at four bytes a pixel. The daemon's own default is the same.
MAX_FILE_BYTES = 200_000_000

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

_HEAD = 4096
_NEW_SUBFILE_TYPE, _COPY_OR_MASK = 254, 0b101
_MAX_COPIES = 32


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
            raise InvalidImage("the file is empty", found="nothing", reason="empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, open_picture(data) as (_, info):
            return info


@contextmanager
def open_picture(data: Bytes) -> Generator[tuple[PIL.Image.Image, PictureInfo]]:
    """The picture, parsed but not decoded, and what its header says. Its pixels are not there: see `load_picture`.

    Raises:
        InvalidImage, ImageTooLarge: as `probe`.
    """
    kind = _check_kind(data)
    with _parse(data, kind, _cut_head(data, kind)) as (picture, info):
        yield picture, info


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """A picture with its pixels.

    Attributes:
        picture: Pillow's, loaded.
        info: what the header says.
        missing_rows: how many of the last rows are not in the file, 0 for its end marker alone; None for a whole one.
    """

    picture: PIL.Image.Image
    info: PictureInfo
    missing_rows: int | None


@contextmanager
def load_picture(data: Bytes, side: int | None = None, *, is_looked_through: bool = False) -> Generator[LoadedPicture]:
    """The picture with its pixels, each of which the file holds; see `decode` for the one exception.

    Args:
        data: the file.
        side: how large the picture has to be, where a smaller one will do: a JPEG is decoded no larger than needed.
        is_looked_through: the caller finds out whether the file has every row.

    Raises:
        InvalidImage: as `probe`, or damaged before its last row; `reason` is one of `damage.Damage`.
        ImageTooLarge: as `probe`.
    """
    kind = _check_kind(data)
    with _parse(data, kind, _cut_head(data, kind)):
        pass  # the limits come before every other work
    data, missing = (data, None) if is_looked_through else _check_body(data, kind)
    with _parse(data, kind, data) as (picture, info):
        if kind == "tiff":
            containers.check_pieces(picture, data)
        if side is not None and kind == "jpeg":
            picture.draft("RGB", (side, side))
        try:
            # Once, and before anything else is asked: Pillow's `getexif` loads too, and a second load after one that
            # failed returns what there is, without an error.
            picture.load()
        except DAMAGE as error:
            raise _explain(data, kind, error) from error
        if kind == "heif":
            containers.check_filled(picture)
        elif kind == "png":
            png.check_rows(picture, data)
        yield LoadedPicture(picture, info, missing)


def _cut_head(data: Bytes, kind: str) -> Bytes:
    """As much of the file as Pillow needs for its header."""
    return png.cut_head(data) if kind == "png" else data


def _check_kind(data: Bytes) -> str:
    """The format of a file that may be parsed; raises where it may not."""
    if len(data) > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the file has {len(data):,} bytes, the limit is {MAX_FILE_BYTES:,}",
            bytes=len(data),
            limit_bytes=MAX_FILE_BYTES,
        )
    kind = kind_of(data[:_HEAD])
    if kind not in READABLE.values():
        reason = "empty" if kind == "nothing" else "other-format"
        detail = f"{kind} is not a picture format Mien reads"
        raise InvalidImage(detail, found=kind, readable=readable_formats(), reason=reason)
    if kind == "heif" and not heif_is_readable():
        detail = "HEIC needs the package pillow-heif"
        raise InvalidImage(detail, found=kind, readable=readable_formats(), reason="other-format")
    _refuse_polyglot(data, kind)
    if kind == "tiff":
        require_honest_directories(data)
    elif kind == "jpeg":  # Pillow parses its EXIF as it opens the file
        require_honest_directories(join_jpeg_exif(data))
    return kind


@contextmanager
def _parse(data: Bytes, kind: str, read: Bytes) -> Generator[tuple[PIL.Image.Image, PictureInfo]]:
    """The picture in `read`, which is `data` or a part of it."""
    names = [name for name, ours in READABLE.items() if ours == kind]
    with _silence_pillow():
        try:
            # Named formats only: Pillow must not guess another parser from the content.
            with PIL.Image.open(_as_file(read), formats=names) as picture:
                info = _check_size(picture, kind)
                _drop_boundless_exif(picture)
                yield picture, info
        except (PIL.Image.DecompressionBombError, MemoryError) as error:
            raise ImageTooLarge(
                "the picture needs more memory than the limits allow", limit_pixels=MAX_PIXELS
            ) from error
        except DAMAGE as error:
            raise _explain(data, kind, error) from error


def _check_body(data: Bytes, kind: str) -> tuple[Bytes, int | None]:
    """The file as Pillow may read it, and how many of the last rows are missing; see `LoadedPicture`."""
    if kind == "jpeg":
        return jpeg.repair_end(data)
    if kind == "png":
        return png.check(data), None
    containers.check_length(data, kind)
    return data, None


def _explain(data: Bytes, kind: str, error: Exception) -> InvalidImage:
    """What to say of a file that Pillow could not read."""
    try:
        containers.check_length(data, kind)
        lost = png.find_lost_row(png.check(data)) if kind == "png" else None
    except InvalidImage as found:
        return found
    if lost is not None:
        return lost
    if isinstance(error, PIL.UnidentifiedImageError):
        detail = "its header cannot be read, or describes pixels of a kind that Mien does not read"
        return refuse_damaged(kind, "bad-header", detail)
    if isinstance(error, EOFError) or "truncated" in str(error):
        return refuse_damaged(kind, "ends-early", "the file ends before the picture does")
    return refuse_damaged(kind, "bad-data", f"it cannot be decoded ({error})")


def _check_size(picture: PIL.Image.Image, kind: str) -> PictureInfo:
    """What the header says; raises where that is beyond the limits, animated or empty."""
    width, height = picture.size
    # A telephone's file has its photograph first, then others or its depth. HEIC names the one that counts.
    frames = 1 if picture.format in {"MPO", "HEIF"} else _count_frames(picture, kind)
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
        raise InvalidImage(
            "the file holds several pictures or an animation",
            found=f"animated {kind}",
            frames=frames,
            reason="several-pictures",
        )
    if min(width, height) < 1:
        raise InvalidImage("the picture has no pixels", found=kind, reason="bad-header")
    return PictureInfo(kind, width, height)


def _count_frames(picture: PIL.Image.Image, kind: str) -> int:
    """How many frames the header promises. For TIFF 2 means "more than one": to count, Pillow walks every directory.

    A smaller copy of a TIFF's picture, or its mask, does not count (TIFF 6.0, NewSubfileType).
    """
    if kind != "tiff":
        return int(getattr(picture, "n_frames", 1))
    try:
        for page in range(1, _MAX_COPIES):
            picture.seek(page)
            if not int(getattr(picture, "tag_v2", {}).get(_NEW_SUBFILE_TYPE, 0)) & _COPY_OR_MASK:
                return 2
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
            f"the file is a {kind} picture and something else as well",
            found=f"polyglot {kind}",
            also=kind_of(foreign),
            reason="two-formats",
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
