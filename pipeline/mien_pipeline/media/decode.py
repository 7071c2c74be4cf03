"""Bytes → upright RGB picture, with the limits and refusals of `pictures`."""

import io

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
from numpy.typing import NDArray

from mien_core.errors import InvalidImage
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media import probe
from mien_pipeline.report import SwapWarning

_GREY_MODES = {"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"}
_WIDE_MODES = {"I", "F"}  # 32 bits a channel: scientific data with no agreed white
_ALPHA_MODES = {"RGBA", "RGBa", "LA", "La", "PA"}
_TIFF_BITS_PER_SAMPLE = 258
_ICC_COLOUR_SPACE = slice(16, 20)
_ICC_SIGNATURE = slice(36, 40)  # ICC.1:2022, 7.2


def decode(data: bytes) -> Image:
    """The picture in `data`, turned upright, 8 bits a channel.

    An RGB colour profile is kept beside unchanged pixels. Pixels that are not RGB (CMYK, Lab, grey with a
    profile of its own) become sRGB, through their profile where they have one.

    Raises:
        InvalidImage, ImageTooLarge: as `probe.probe`, and where the body of the file is damaged or cut short.
    """
    with probe.open_picture(data) as (stored, info):
        if stored.mode in _WIDE_MODES:
            raise InvalidImage("32 bits a channel are not read", found=f"{info.format}, mode {stored.mode}")
        grey, sixteen = stored.mode in _GREY_MODES, _has_sixteen_bits(stored)
        exif = _read_exif(stored)
        stored.load()
        upright = _turn_upright(stored)
        profile = upright.info.get("icc_profile")
        coloured, alpha = _split_alpha(_reduce_to_eight_bits(upright))
        rgb, kept = _to_rgb(coloured, profile)
        warnings: tuple[SwapWarning, ...] = (*(("sixteen-bit",) if sixteen else ()), *(("grey",) if grey else ()))
        return Image(np.asarray(rgb), alpha, kept, info.format, exif, warnings)


def _turn_upright(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Turned as EXIF says; most pictures need no turn, and Pillow would copy those too."""
    try:
        orientation = picture.getexif().get(PIL.ExifTags.Base.Orientation, 1)
    except probe.DAMAGE:
        return picture
    return picture if orientation == 1 else PIL.ImageOps.exif_transpose(picture)


def _has_sixteen_bits(picture: PIL.Image.Image) -> bool:
    """Pillow opens 16-bit colour as 8-bit modes, keeping the high byte; only the header tells."""
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(_TIFF_BITS_PER_SAMPLE, (8,))
        return any(int(bit) > 8 for bit in (bits if isinstance(bits, tuple) else (bits,)))
    return ";16" in picture.mode or any(";16" in str(tile.args) for tile in getattr(picture, "tile", ()))


def _read_exif(picture: PIL.Image.Image) -> bytes | None:
    """The EXIF block as a JPEG would carry it. A block too odd to parse is as good as none: nothing depends on it."""
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
    return PIL.Image.fromarray((wide >> 8).astype(np.uint8))


def _split_alpha(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, Pixels | None]:
    """The colours, and the alpha channel unless it is opaque everywhere."""
    if picture.mode not in _ALPHA_MODES and "transparency" not in picture.info:
        return picture, None
    straight = picture.convert("RGBA")
    alpha = np.asarray(straight.getchannel("A"))
    return straight.convert("RGB"), None if alpha.min() == 255 else alpha


def _to_rgb(picture: PIL.Image.Image, profile: bytes | None) -> tuple[PIL.Image.Image, bytes | None]:
    """(RGB picture, the profile that describes it: the one found, or None for sRGB)."""
    space = _colour_space(profile)
    if picture.mode == "LAB":
        return _through(PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("LAB")), picture), None
    if profile is not None and (picture.mode, space) in {("CMYK", b"CMYK"), ("L", b"GRAY")}:
        try:
            return _through(PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile)), picture), None
        except (PIL.ImageCms.PyCMSError, OSError):
            pass  # a profile LittleCMS refuses: plain arithmetic below is the best guess left
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    return rgb, profile if space == b"RGB " else None


def _colour_space(profile: bytes | None) -> bytes | None:
    """The colour space an ICC profile is for; None for no profile or for bytes that are none."""
    if profile is None or profile[_ICC_SIGNATURE] != b"acsp":
        return None
    return bytes(profile[_ICC_COLOUR_SPACE])


def _through(profile: PIL.ImageCms.ImageCmsProfile, picture: PIL.Image.Image) -> PIL.Image.Image:
    """`picture`, whose colours `profile` describes, as sRGB."""
    srgb = PIL.ImageCms.createProfile("sRGB")
    converted = PIL.ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
    if converted is None:  # only with inPlace=True
        raise InvalidImage("the colours cannot be read", found=picture.mode)
    return converted
