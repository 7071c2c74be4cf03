"""RGB picture → bytes, with its colour profile and transparency, and no metadata but the whitelisted entries."""

import io
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.PngImagePlugin

from mien_core.errors import InvalidOptions
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.metadata import filter_exif
from mien_pipeline.media.seen import to_stored
from mien_pipeline.options import Format

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

MEDIA_TYPES: dict[Format, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "tiff": "image/tiff",
}

# Sides that each format's header, or the encoder, can hold.
MAX_SIDE: dict[Format, int] = {"jpeg": 65_500, "png": 2**31 - 1, "webp": 16_383, "avif": 65_535, "tiff": 2**31 - 1}

# JPEG has 95 and full chroma: below, a repeated save shows on lips and eyelids. PNG's level 1 takes half of 6's time
# and is 13 % larger on a 12-megapixel photograph. AVIF's speed 9 takes half of 8's time and is as small.
_SAVE: dict[Format, dict[str, object]] = {
    "jpeg": {"quality": 95, "subsampling": 0},
    "png": {"compress_level": 1},
    "webp": {"quality": 92, "method": 1, "exact": True},
    "avif": {"quality": 85, "speed": 9},
    "tiff": {"compression": "tiff_lzw"},
}


FULL_CHROMA = 90
"""From this quality on a JPEG keeps a colour for every pixel."""


def result_format(image: Image, wanted: Format | None = None) -> Format:
    """The format of the result: the wanted one, else the target's own, else the nearest that can be marked.

    Raises:
        InvalidOptions: the wanted format cannot hold this picture; `field` is "format".
    """
    if wanted is None:
        own = image.format if image.format in MEDIA_TYPES else {"heif": "jpeg"}.get(image.format, "png")
        wanted = "png" if own == "jpeg" and image.alpha is not None else cast(Format, own)
    if wanted == "jpeg" and image.alpha is not None:
        raise InvalidOptions("a JPEG cannot hold this picture's transparency", field="format")
    if max(image.width, image.height) > MAX_SIDE[wanted]:
        raise InvalidOptions(
            f"a {wanted} picture has at most {MAX_SIDE[wanted]} pixels on a side",
            field="format",
            limit=MAX_SIDE[wanted],
        )
    return wanted


def encode(image: Image, format: Format, xmp: bytes | None = None, quality: int | None = None) -> bytes:
    """The picture as a file of `format`, with ICC profile, alpha, whitelisted EXIF and the XMP packet given.

    `quality` is 1..100 of a lossy format; lossless formats ignore it.

    Raises:
        InvalidOptions: the format cannot hold this picture.
    """
    result_format(image, format)
    options = _SAVE[format] | (_lose(format, quality) if quality is not None and loses(format) else {})
    if image.icc_profile is not None:
        options["icc_profile"] = image.icc_profile
    options.update(_metadata_options(format, filter_exif(image.exif), xmp))
    return _save(_to_pillow(image, format), format, options)


def _save(picture: PIL.Image.Image, format: Format, options: Mapping[str, object]) -> bytes:
    """The file. Into memory Pillow encodes without giving Python's lock away; into a pipe a JPEG lets others work."""
    if format != "jpeg" or sys.platform == "win32":
        out = io.BytesIO()
        picture.save(out, format=format, **options)
        return out.getvalue()
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source, ThreadPoolExecutor(1) as beside:
        with os.fdopen(write_end, "wb") as pipe:
            data = beside.submit(source.read)
            picture.save(pipe, format=format, **options)
        return data.result()


def loses(format: Format) -> bool:
    """Whether a file of this format holds other pixels than it was made of."""
    return "quality" in _SAVE[format]


def _lose(format: Format, quality: int) -> dict[str, object]:
    """How a quality is asked for. Colour in a quarter of the places saves a JPEG a third of its bytes."""
    if format == "jpeg" and quality < FULL_CHROMA:
        return {"quality": quality, "subsampling": 2}
    return {"quality": quality}


def _to_pillow(image: Image, format: Format) -> PIL.Image.Image:
    """The picture as Pillow's, RGB or RGBA; for a JPEG also RGBX, over the same memory."""
    pixels = to_stored(image)
    if image.alpha is not None:
        return PIL.Image.fromarray(np.dstack((pixels, image.alpha)))
    padded = _find_padded(pixels)
    if padded is None:
        return PIL.Image.fromarray(pixels)
    shared = PIL.Image.frombuffer("RGBX", (image.width, image.height), padded, "raw", "RGBX", 0, 1)
    return shared if format == "jpeg" else shared.convert("RGB")


def _find_padded(pixels: Pixels) -> Pixels | None:
    """The (H, W, 4) array of which `pixels` (H, W, 3) are a view without the last byte, in order; None for none."""
    base = pixels.base
    if not isinstance(base, np.ndarray) or base.shape != (*pixels.shape[:2], 4) or not base.flags.c_contiguous:
        return None
    return base if base[..., :3].__array_interface__ == pixels.__array_interface__ else None


def _metadata_options(format: Format, exif: bytes | None, xmp: bytes | None) -> dict[str, object]:
    """How Pillow takes an EXIF block and an XMP packet for each format."""
    if format == "tiff":
        return {"tiffinfo": _tiff_tags(exif, xmp)}
    options: dict[str, object] = {} if exif is None else {"exif": exif}
    if xmp is not None and format == "png":
        text = PIL.PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["pnginfo"] = text
    elif xmp is not None:
        options["xmp"] = xmp
    return options


def _tiff_tags(exif: bytes | None, xmp: bytes | None) -> "ImageFileDirectory_v2":
    """The tags of a TIFF's own directory, which holds EXIF and XMP."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    if exif is not None:
        block = PIL.Image.Exif()
        block.load(exif)
        for tag, value in block.items():
            tags[tag] = value
    if xmp is not None:
        tags[PIL.ExifTags.Base.XMLPacket] = xmp
    return tags
