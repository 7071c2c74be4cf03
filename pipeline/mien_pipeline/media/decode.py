"""Bytes → upright RGB picture, with the limits and refusals of `probe`."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media import jpeg, probe
from mien_pipeline.media.colour_tags import read_colour_tags
from mien_pipeline.media.seen import see
from mien_pipeline.report import SwapWarning

_GREY_MODES = {"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"}
_WIDE_MODES = {"I", "F"}  # 32 bits a channel: scientific data with no agreed white
_ALPHA_MODES = {"RGBA", "RGBa", "LA", "La", "PA"}
_TIFF_BITS_PER_SAMPLE = 258
_PNG_BIT_DEPTH = 24  # its offset: the signature, the length and name of IHDR, width and height come before it


def decode(data: bytes, is_whole: Callable[[], bool] | None = None) -> Image:
    """The picture in `data`, turned upright, 8 bits a channel.

    The pixels are those that a viewer shows, as sRGB: see `media.seen`. The stored ones are kept beside them where a
    result carries their colour space.

    A file that does not hold its picture to the last row is refused, with one exception. A JPEG may lack its end
    marker and up to a fiftieth of its rows, or one row of blocks (8 or 16 rows) where that is more: downloads lose
    their last kilobytes. Those rows are grey, and `missing_rows` counts them. A progressive JPEG may lack as much of
    its last pass, which holds the lowest bit; an earlier pass may not be missing. Bytes that no checksum covers may
    have been changed: then pixels differ, and every row is still there.

    Args:
        data: the file.
        is_whole: says of a JPEG of one scan, when its pixels are there, whether a small copy was made of it. What
            `small_copy.decode_small` found whole is not looked through again: that is a third of the work.

    Raises:
        InvalidImage: as `probe.probe`, and where the body of the file is damaged; `reason` is a `damage.Damage`.
        ImageTooLarge: as `probe.probe`.
    """
    if is_whole and _has_one_scan(data):
        # What is wrong with a file is said below, as it is without this.
        with suppress(InvalidImage, ImageTooLarge), probe.load_picture(data, is_looked_through=True) as loaded:
            if is_whole():
                return _to_image(loaded, data)
    with probe.load_picture(data) as loaded:
        return _to_image(loaded, data)


def _has_one_scan(data: bytes) -> bool:
    """Whether it is a JPEG with all its pixels in one scan."""
    try:
        return data[:2] == b"\xff\xd8" and jpeg.find_only_scan(data) is not None
    except InvalidImage:
        return False


def _to_image(loaded: probe.LoadedPicture, data: bytes) -> Image:
    """Raises `InvalidImage` for 32 bits a channel."""
    stored, info = loaded.picture, loaded.info
    if stored.mode in _WIDE_MODES:
        raise InvalidImage(
            "32 bits a channel are not read", found=f"{info.format}, mode {stored.mode}", reason="wide-channels"
        )
    grey, sixteen = stored.mode in _GREY_MODES, _has_sixteen_bits(stored, data)
    exif = _read_exif(stored)
    tags = read_colour_tags(stored, data, info.format)
    upright = turn_by_exif(stored)
    coloured, alpha = _split_alpha(_reduce_to_eight_bits(upright))
    pixels, profile, native = see(coloured, tags)
    warnings: tuple[SwapWarning, ...] = (*(("sixteen-bit",) if sixteen else ()), *(("grey",) if grey else ()))
    return Image(pixels, alpha, profile, info.format, exif, warnings, native, loaded.missing_rows)


def turn_by_exif(picture: PIL.Image.Image) -> PIL.Image.Image:
    """`picture` turned as its EXIF says. Most pictures need no turn, and Pillow would copy those too."""
    try:
        orientation = picture.getexif().get(PIL.ExifTags.Base.Orientation, 1)
    except probe.DAMAGE:
        return picture
    return picture if orientation == 1 else PIL.ImageOps.exif_transpose(picture)


def _has_sixteen_bits(picture: PIL.Image.Image, data: bytes) -> bool:
    """Whether the file has 16 bits a channel. Pillow opens those as 8-bit modes; only the header tells."""
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(_TIFF_BITS_PER_SAMPLE, (8,))
        return any(int(bit) > 8 for bit in (bits if isinstance(bits, tuple) else (bits,)))
    return ";16" in picture.mode or (picture.format == "PNG" and data[_PNG_BIT_DEPTH] == 16)


def _read_exif(picture: PIL.Image.Image) -> bytes | None:
    """The EXIF block as a JPEG carries it; None without one, or where it is too damaged to parse."""
    try:
        exif = picture.getexif()
        return exif.tobytes() if len(exif) else None
    except probe.DAMAGE:
        return None


def _reduce_to_eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """16-bit grey by its high byte, as Pillow and libpng reduce 16-bit colour; Pillow's own conversion clips at 255."""
    if not picture.mode.startswith("I;16"):
        return picture
    wide: NDArray[np.uint16] = np.asarray(picture).astype(np.uint16)
    grey = PIL.Image.fromarray((wide >> 8).astype(np.uint8))
    if isinstance(key := picture.info.get("transparency"), int):  # a PNG's one transparent shade, in 16 bits
        grey.putalpha(PIL.Image.fromarray(np.where(wide == key, 0, 255).astype(np.uint8)))
    return grey


def _split_alpha(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, Pixels | None]:
    """The colours, and the (H, W) uint8 alpha channel, or None where it is opaque everywhere."""
    if picture.mode not in _ALPHA_MODES and "transparency" not in picture.info:
        return picture, None
    if picture.mode in {"LA", "La"}:  # the colours stay grey: a profile of grey is for those
        straight = picture if picture.mode == "LA" else picture.convert("LA")
        colours = straight.getchannel("L")
    else:
        straight = picture.convert("RGBA")
        colours = straight.convert("RGB")
    alpha = np.asarray(straight.getchannel("A"))
    return colours, None if alpha.min() == 255 else alpha
