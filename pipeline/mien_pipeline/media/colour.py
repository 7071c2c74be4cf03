"""Colour: sRGB code values ↔ linear light, and pictures of other colour spaces → RGB through their profiles."""

import io

import cv2
import numpy as np
import PIL.Image
import PIL.ImageCms
from numpy.typing import NDArray

from mien_core.errors import InvalidImage
from mien_pipeline.image import Floats, Pixels

# ICC.1:2022, 7.2: where a profile's header says its colour space, and the four bytes that every profile has.
_ICC_COLOUR_SPACE = slice(16, 20)
_ICC_SIGNATURE = slice(36, 40)

_LINEAR_STEPS = 1 << 14  # sRGB's darkest step is 1/3295 of white, so about five of these to a step


def _tabulate_decoding() -> Floats:
    """(256,) linear light of every sRGB code value (IEC 61966-2-1)."""
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _tabulate_encoding() -> NDArray[np.uint8]:
    """(16385,) sRGB code value of every step of linear light (IEC 61966-2-1)."""
    light = np.arange(_LINEAR_STEPS + 1) / _LINEAR_STEPS
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(code * 255).astype(np.uint8)


_DECODE, _ENCODE = _tabulate_decoding(), _tabulate_encoding()


def to_linear(pixels: Pixels) -> Floats:
    """Linear light in 0..1, float32, from uint8 sRGB code values: (H, W, 3) or (H, W), the same shape back."""
    return np.asarray(cv2.LUT(pixels, _DECODE), np.float32)


def to_srgb(light: Floats) -> Pixels:
    """uint8 sRGB code values from linear light, any shape; values outside 0..1 are clipped."""
    return _ENCODE[(np.clip(light, 0, 1) * _LINEAR_STEPS + 0.5).astype(np.uint16)]


def to_rgb(picture: PIL.Image.Image, profile: bytes | None) -> tuple[PIL.Image.Image, bytes | None]:
    """`picture` as RGB, and the profile that describes it: the one found, or None for sRGB.

    RGB pixels stay as they are. Lab becomes sRGB. CMYK and grey go through a profile of their own, if they have one.
    """
    space = read_colour_space(profile)
    if picture.mode == "LAB":
        return _convert_to_srgb(picture, PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("LAB"))), None
    if profile is not None and (picture.mode, space) in {("CMYK", b"CMYK"), ("L", b"GRAY")}:
        try:
            return _convert_to_srgb(picture, PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))), None
        except (PIL.ImageCms.PyCMSError, OSError):
            pass  # LittleCMS refuses this profile: the plain arithmetic below is the best guess left
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    return rgb, profile if space == b"RGB " else None


def read_colour_space(profile: bytes | None) -> bytes | None:
    """The four bytes that name an ICC profile's colour space, as b"RGB "; None where `profile` is no ICC profile."""
    if profile is None or profile[_ICC_SIGNATURE] != b"acsp":
        return None
    return bytes(profile[_ICC_COLOUR_SPACE])


def _convert_to_srgb(picture: PIL.Image.Image, profile: PIL.ImageCms.ImageCmsProfile) -> PIL.Image.Image:
    """`picture`, whose colours `profile` describes, as sRGB."""
    srgb = PIL.ImageCms.createProfile("sRGB")
    converted = PIL.ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
    if converted is None:  # only with inPlace=True
        raise InvalidImage("the colours cannot be read", found=picture.mode)
    return converted
