"""Picture files made by the tests: every readable format, and an archive."""

import io
import zipfile

import numpy as np
import PIL.Image
import pillow_heif

from mien_pipeline.image import Pixels

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")


def gradient(height: int = 48, width: int = 64) -> Pixels:
    """Smooth enough that a lossy format stays within a few levels of it."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)), axis=2).astype(np.uint8)


def encoded(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of one of FORMATS; `options` are Pillow's."""
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    picture.save(out, format=kind, **options)
    return out.getvalue()


def photograph(kind: str = "JPEG", **options: object) -> bytes:
    """The gradient as a file."""
    return encoded(PIL.Image.fromarray(gradient()), kind, **options)


def archive() -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("a.txt", "b")
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A black PNG of that size, small however large its picture is."""
    return encoded(PIL.Image.new("1", (width, height)), "PNG")
