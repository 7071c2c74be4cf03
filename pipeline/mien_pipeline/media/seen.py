"""Stored pixels → what a viewer shows, as sRGB; and back, for a result that keeps a wider colour space.

Everything looks at and works on what is seen. A profile is kept only where it is plain (see `icc`): then the stored
pixels stay, and what an edit changed is carried over to them. Every other picture becomes sRGB, without a profile.
A profile that cannot be read, or that describes other pixels than these, is dropped, as browsers do. No OpenCV here:
previews are made with this too, in a small process.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
import PIL.Image
import PIL.ImageCms

from mien_core.errors import InvalidImage
from mien_pipeline.image import Floats, Image, Native, Pixels
from mien_pipeline.media.colour_tags import ColourTags, HdrSpace
from mien_pipeline.media.icc import (
    SRGB_CURVE,
    SRGB_MATRIX,
    RgbSpace,
    is_public,
    read_rgb_space,
    space_of,
    write_profile,
)

_STRIPE_ROWS = 256
_REPLACED = 24  # grey levels of change at which nothing of the old colour is left
_CMS_ERRORS = (PIL.ImageCms.PyCMSError, OSError, ValueError)
_REFERENCE_WHITE = 203.0  # cd/m², what a standard display's white is in BT.2100 (ITU-R BT.2408-7, 2.2)
_HLG_PEAK = 1000.0  # cd/m², of the display that BT.2100 names
_HLG_GAMMA = 1.2
_LIGHT_STEPS = 1 << 14
_NARROW = [min(max(round((code - 16) * 255 / 219), 0), 255) for code in range(256)]


def see(picture: PIL.Image.Image, tags: ColourTags) -> tuple[Pixels, bytes | None, Native | None]:
    """`picture`, without alpha, as (H, W, 3) sRGB; the profile that a result carries; the stored pixels for that."""
    space = tags.space
    if tags.narrow:
        picture = _as_rgb(picture).point(_NARROW * 3)
    if isinstance(space, HdrSpace):
        return _reduce_range(np.asarray(_as_rgb(picture)), space), None, None
    if picture.mode == "LAB":
        return (
            _as_pixels(_convert(picture, PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("LAB")), _srgb())),
            None,
            None,
        )
    if isinstance(space, RgbSpace):
        return _see_rgb(_as_rgb(picture), space, None)
    if space is None:
        return _as_pixels(_as_rgb(picture)), None, None
    return _see_through(picture, space)


def to_stored(image: Image) -> Pixels:
    """The pixels that a file of `image` holds, (H, W, 3) uint8 in the space of its profile.

    Where nothing was changed they are those that were decoded, bit for bit.
    """
    native = image.native
    if native is None:
        return image.pixels
    convert = _transform(_srgb(), _open(native.profile))
    if native.pixels.shape != image.pixels.shape:
        return convert(image.pixels)
    stored = native.pixels.copy()
    for rows in _stripes(len(stored)):
        new, old = image.pixels[rows], native.seen[rows]
        if not np.array_equal(new, old):
            change = np.maximum(new, old) - np.minimum(new, old)
            stored[rows] = _carry_over(stored[rows], convert(old), convert(new), change)
    return stored


def _carry_over(stored: Pixels, old: Pixels, new: Pixels, change: Pixels) -> Pixels:
    """`new` instead of `old`, all (h, w, 3) in one space; `change` is how far a viewer sees them apart.

    Sight as sRGB cuts colours off that `stored` has. Where an edit fades out they come back; where it replaced a
    pixel they do not.
    """
    cut_off = np.subtract(stored, old, dtype=np.int16)
    kept = np.clip(1 - change.max(axis=2).astype(np.float32) / _REPLACED, 0, 1)[..., None]
    return np.asarray(np.clip(np.rint(new + kept * cut_off), 0, 255), np.uint8)


def _see_through(picture: PIL.Image.Image, profile: bytes) -> tuple[Pixels, bytes | None, Native | None]:
    """As `see`, through an ICC profile."""
    named = space_of(profile)
    if named == b"GRAY" and picture.mode == "RGB" and _is_grey(picture):
        picture = picture.convert("L")
    if named == b"RGB " and picture.mode != "CMYK":
        rgb = _as_rgb(picture)
        space = read_rgb_space(profile)
        if space is not None and space.is_plain:
            return _see_rgb(rgb, space, profile)
        picture = rgb
    if (picture.mode, named) in {("RGB", b"RGB "), ("CMYK", b"CMYK"), ("L", b"GRAY")}:
        try:
            return _as_pixels(_convert(picture, _open(profile), _srgb())), None, None
        except _CMS_ERRORS:
            pass  # LittleCMS refuses it: the plain arithmetic below is the best guess left, and the profile is dropped
    return _as_pixels(_as_rgb(picture)), None, None


def _see_rgb(
    picture: PIL.Image.Image, space: RgbSpace, found: bytes | None
) -> tuple[Pixels, bytes | None, Native | None]:
    """As `see`, for a space in numbers; `found` is the profile that said it."""
    stored = _as_pixels(picture)
    if space.is_srgb:
        return stored, None if found is None else found if is_public(found) else write_profile(space), None
    profile = found if found is not None and space.is_plain and is_public(found) else write_profile(space)
    try:
        seen = _transform(_open(profile), _srgb())(stored)
    except _CMS_ERRORS:  # numbers that LittleCMS refuses: as if nothing had been said
        return stored, None, None
    return (seen, profile, Native(stored, seen, profile)) if space.is_plain else (seen, None, None)


def _reduce_range(stored: Pixels, space: HdrSpace) -> Pixels:
    """HDR code values as sRGB: reference white becomes white, and what is brighter is cut off."""
    matrix = (np.linalg.inv(SRGB_MATRIX) @ space.matrix).astype(np.float32)
    table = _light_of_pq() if space.curve == "pq" else _light_of_hlg()
    steps = np.arange(_LIGHT_STEPS + 1) / _LIGHT_STEPS
    codes = np.round(np.interp(steps, SRGB_CURVE.light_of(np.arange(256) / 255), np.arange(256))).astype(np.uint8)
    seen = np.empty_like(stored)
    for rows in _stripes(len(stored)):
        light = table[stored[rows]]
        if space.curve == "hlg":  # BT.2100, table 5: the system gamma works on luminance
            luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
            system = np.maximum(luminance, 1e-6) ** (_HLG_GAMMA - 1) * (_HLG_PEAK / _REFERENCE_WHITE)
            light = light * np.asarray(system, np.float32)[..., None]
        shown = np.clip(light @ matrix.T, 0, 1)
        seen[rows] = codes[(shown * _LIGHT_STEPS + 0.5).astype(np.uint16)]
    return seen


def _light_of_pq() -> Floats:
    """(256,) light, 1 at reference white, of every code value (ITU-R BT.2100-2, table 4)."""
    power = (np.arange(256) / 255) ** (1 / 78.84375)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(ratio ** (1 / 0.1593017578125) * 10_000 / _REFERENCE_WHITE, np.float32)


def _light_of_hlg() -> Floats:
    """(256,) scene light, 0..1, of every code value (ITU-R BT.2100-2, table 5)."""
    code = np.arange(256) / 255
    bright = (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.asarray(np.where(code <= 0.5, code**2 / 3, bright), np.float32)


def _as_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _as_pixels(picture: PIL.Image.Image) -> Pixels:
    return np.asarray(picture)


def _is_grey(picture: PIL.Image.Image) -> bool:
    pixels = np.asarray(picture)
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def _srgb() -> PIL.ImageCms.ImageCmsProfile:
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB"))


def _open(profile: bytes) -> PIL.ImageCms.ImageCmsProfile:
    return PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _convert(
    picture: PIL.Image.Image, source: PIL.ImageCms.ImageCmsProfile, to: PIL.ImageCms.ImageCmsProfile
) -> PIL.Image.Image:
    converted = PIL.ImageCms.profileToProfile(picture, source, to, outputMode="RGB")
    if converted is None:  # only with inPlace=True
        raise InvalidImage("the colours cannot be read", found=picture.mode)
    return converted


def _transform(source: PIL.ImageCms.ImageCmsProfile, to: PIL.ImageCms.ImageCmsProfile) -> Callable[[Pixels], Pixels]:
    """RGB of one profile → RGB of another, (H, W, 3) uint8."""
    transform = PIL.ImageCms.buildTransform(source, to, "RGB", "RGB")

    def convert(pixels: Pixels) -> Pixels:
        out = np.empty_like(pixels)
        for rows in _stripes(len(pixels)):
            done = PIL.ImageCms.applyTransform(PIL.Image.fromarray(pixels[rows]), transform)
            if done is None:  # only with inPlace=True
                raise InvalidImage("the colours cannot be read", found="RGB")
            out[rows] = np.asarray(done)
        return out

    return convert


def _stripes(height: int) -> Iterator[slice]:
    for top in range(0, height, _STRIPE_ROWS):
        yield slice(top, min(top + _STRIPE_ROWS, height))
