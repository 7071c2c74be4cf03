"""What a file says about how its pixels are to be seen, wherever its format says it.

PNG: cICP, iCCP, sRGB, gAMA with cHRM, in that order (PNG 3rd edition, 4.3). HEIF and AVIF: an ICC profile, else the
code points of `nclx`. BMP: an embedded profile, or calibrated primaries. All: the ICC profile, else EXIF's word for
Adobe RGB. What is not said is sRGB. HDR metadata (mastering display, light levels, gain maps) says how to show more
than a standard display can; results are standard pictures and carry none.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import PIL.ExifTags
import PIL.Image

from mien_pipeline.media.icc import SRGB_CURVE, Curve, Doubles, RgbSpace, space_from_chromaticities
from mien_pipeline.media.polyglot import Bytes
from mien_pipeline.media.probe import DAMAGE

_D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
ADOBE_RGB = space_from_chromaticities((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *_D65), Curve(0, (563 / 256,)))

# ITU-T H.273, table 2: red, green, blue and white by their code points.
_PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
# H.273, table 3. Viewers show stills with a video's curve (1, 6, 14, 15) as sRGB.
_CURVES = dict.fromkeys((1, 2, 6, 13, 14, 15), SRGB_CURVE) | {
    4: Curve(0, (2.2,)),
    5: Curve(0, (2.8,)),
    8: Curve(0, (1.0,)),
    17: Curve(0, (2.6,)),
}
_HDR_CURVES: dict[int, Literal["pq", "hlg"]] = {16: "pq", 18: "hlg"}
_UNSPECIFIED = 2

_GAMMA_UNIT = 100_000
# Files say 0.45455 for sRGB, and with sRGB's primaries they mean it (PNG 3rd edition, 11.3.2.5).
_SRGB_GAMMAS = range(45_000, 46_000)
_ADOBE_RGB = 2  # EXIF's ColorSpace, as cameras write it
_UNCALIBRATED = 0xFFFF
_DCF_OPTION = "R03"  # DCF 2.0: the interoperability index of Adobe RGB
_MOST_BOXES = 20_000
_MOST_META_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, eq=False)
class HdrSpace:
    """Code values of high dynamic range: (3, 3) linear RGB to XYZ under D50, and BT.2100's curve."""

    matrix: Doubles
    curve: Literal["pq", "hlg"]


@dataclass(frozen=True, slots=True, eq=False)
class ColourTags:
    """How pixels are to be seen.

    Attributes:
        space: an ICC profile, a colour space in numbers, or None for sRGB.
        narrow: code values run from 16 to 235.
    """

    space: bytes | RgbSpace | HdrSpace | None = None
    narrow: bool = False


def read_colour_tags(picture: PIL.Image.Image, data: Bytes, kind: str) -> ColourTags:
    """What `data`, a file of `kind`, says before its pixels; `picture` is the same."""
    profile = picture.info.get("icc_profile") or None
    if kind == "png":
        tags = _read_png(data, profile)
    elif kind in {"heif", "avif"}:
        tags = ColourTags(profile) if profile else _read_nclx(data)
    elif kind == "bmp":
        tags = _read_bmp(data)
    else:
        tags = ColourTags(profile) if profile else None
    return tags or ColourTags(ADOBE_RGB if _exif_says_adobe_rgb(picture) else None)


def _read_png(data: Bytes, profile: bytes | None) -> ColourTags | None:
    chunks: dict[bytes, bytes] = {}
    for name, body in _walk_png(data):
        if name == b"IDAT":
            break
        if name in {b"cICP", b"sRGB", b"gAMA", b"cHRM", b"iCCP"} and name not in chunks:
            chunks[name] = body
    if len(chunks.get(b"cICP", b"")) == 4 and chunks[b"cICP"][2] == 0:
        primaries, curve, _, full = chunks[b"cICP"]
        space = _space_of_code_points(primaries, curve)
        if space is not None:
            return ColourTags(space, narrow=not full)
    if profile and b"iCCP" in chunks:  # Pillow takes one from behind the pixels too; viewers do not
        return ColourTags(profile)
    if b"sRGB" in chunks:
        return ColourTags()
    return _read_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def _read_gamma(gamma: bytes, chromaticities: bytes) -> ColourTags | None:
    curve = SRGB_CURVE
    if len(gamma) == 4 and (value := int.from_bytes(gamma, "big")) and value not in _SRGB_GAMMAS:
        curve = Curve(0, (min(max(_GAMMA_UNIT / value, 1 / 128), 128.0),))
    xy: tuple[float, ...] = SRGB_PRIMARIES
    if len(chromaticities) == 32:
        white, *rest = (np.array(struct.unpack(">8I", chromaticities)) / _GAMMA_UNIT).reshape(4, 2).tolist()
        xy = tuple(value for point in (*rest, white) for value in point)
    elif len(gamma) != 4:
        return None
    try:
        return ColourTags(space_from_chromaticities(xy, curve))
    except ValueError:
        return ColourTags(space_from_chromaticities(SRGB_PRIMARIES, curve))


def _walk_png(data: Bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + min(length, 64)]
        at += 12 + length


def _space_of_code_points(primaries: int, curve: int) -> RgbSpace | HdrSpace | None:
    xy = _PRIMARIES.get(1 if primaries == _UNSPECIFIED else primaries)
    if xy is None:
        return None
    if curve in _HDR_CURVES:
        return HdrSpace(space_from_chromaticities(xy, SRGB_CURVE).matrix, _HDR_CURVES[curve])
    return space_from_chromaticities(xy, _CURVES[curve]) if curve in _CURVES else None


def _read_nclx(data: Bytes) -> ColourTags | None:
    """The code points that belong to the primary picture; in a grid only its parts may have some."""
    try:
        start, end = next((start, end) for name, start, end in _walk_boxes(data) if name == b"meta")
        meta = bytes(data[start + 4 : min(end, start + _MOST_META_BYTES)])
        boxes = _read_boxes(meta)
        properties = _read_boxes(boxes[b"iprp"])
        listed = properties[b"ipco"]
        colours = [
            (index, listed[start:end])
            for index, (name, start, end) in enumerate(_walk_boxes(listed), 1)
            if name == b"colr" and listed[start : start + 4] == b"nclx" and end - start >= 10
        ]
        own = _list_properties(properties[b"ipma"], _read_primary(boxes[b"pitm"]))
    except (KeyError, StopIteration, struct.error, IndexError):
        return None
    found = next((body for index, body in colours if index in own), colours[0][1] if colours else None)
    if found is None:
        return None
    primaries, curve = struct.unpack_from(">HH", found, 4)
    space = _space_of_code_points(primaries, curve)
    return None if space is None else ColourTags(space)


def _read_boxes(data: bytes) -> dict[bytes, bytes]:
    return {name: data[start:end] for name, start, end in _walk_boxes(data)}


def _walk_boxes(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the boxes of an ISO container, one after the other (ISO/IEC 14496-12, 4.2)."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, name, header = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8]), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header:
            size = len(data) - at
        yield name, at + header, min(at + size, len(data))
        at += size


def _read_primary(body: bytes) -> int:
    """The primary picture's number, from `pitm` (ISO/IEC 14496-12, 8.11.4)."""
    return int.from_bytes(body[4:6] if body[0] == 0 else body[4:8], "big")


def _list_properties(body: bytes, item: int) -> set[int]:
    """The numbers of an item's properties, from `ipma` (ISO/IEC 23008-12, 9.3)."""
    wide_items, wide_numbers = body[0] >= 1, body[3] & 1
    (count,) = struct.unpack_from(">I", body, 4)
    stream = io.BytesIO(body[8:])
    for _ in range(min(count, _MOST_BOXES)):
        number = int.from_bytes(stream.read(4 if wide_items else 2), "big")
        links = stream.read(stream.read(1)[0] * (2 if wide_numbers else 1))
        if number == item:
            if wide_numbers:
                return {int.from_bytes(links[at : at + 2], "big") & 0x7FFF for at in range(0, len(links), 2)}
            return {link & 0x7F for link in links}
    return set()


def _read_bmp(data: Bytes) -> ColourTags | None:
    """BITMAPV4HEADER's primaries and gamma, or the profile that BITMAPV5HEADER points to."""
    header = data[14:138]
    size = int.from_bytes(header[:4], "little")
    if size < 108 or len(header) < 108:
        return None
    kind = int.from_bytes(header[56:60], "little")
    if kind == 0x4D424544 and size >= 124 and len(header) == 124:  # MBED
        start, length = struct.unpack("<II", header[112:120])
        profile = bytes(data[14 + start : 14 + start + length])
        return ColourTags(profile) if profile else None
    if kind != 0:
        return None
    # Red, green and blue as XYZ with 30 binary places; gammas with 16.
    xyz = np.array(struct.unpack("<9i", header[60:96])).reshape(3, 3) / 2**30
    gammas = np.array(struct.unpack("<3I", header[96:108])) / 65536
    sums = xyz.sum(axis=1)
    if (sums <= 0).any() or not xyz.sum(axis=0)[1] > 0 or (gammas <= 0).any():
        return None
    white = xyz.sum(axis=0) / xyz.sum()
    points = (*(value for row, total in zip(xyz, sums, strict=True) for value in row[:2] / total), *white[:2])
    try:
        matrix = space_from_chromaticities(points, SRGB_CURVE).matrix
    except ValueError:
        return None
    red, green, blue = (Curve(0, (min(max(float(gamma), 1 / 128), 128.0),)) for gamma in gammas)
    return ColourTags(RgbSpace(matrix, (red, green, blue)))


def _exif_says_adobe_rgb(picture: PIL.Image.Image) -> bool:
    try:
        exif = picture.getexif()
        block = exif.get_ifd(PIL.ExifTags.IFD.Exif)
        space = block.get(PIL.ExifTags.Base.ColorSpace)
        if space == _UNCALIBRATED:
            index = exif.get_ifd(PIL.ExifTags.IFD.Interop).get(PIL.ExifTags.Interop.InteropIndex, "")
            return (
                str(index.decode("ascii", "replace") if isinstance(index, bytes) else index).strip("\0 ") == _DCF_OPTION
            )
    except DAMAGE:
        return False
    return bool(space == _ADOBE_RGB)
