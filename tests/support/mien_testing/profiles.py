"""Colour profiles, honest and hostile, files that say how to be seen in other ways, and a viewer that obeys them."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import PIL.ImageCms

from mien_pipeline.image import Pixels
from mien_pipeline.media.icc import SRGB_CURVE, SRGB_MATRIX, Curve, Doubles, RgbSpace, write_profile

CREATED = slice(24, 36)  # ICC.1:2022, 7.2.8: when a profile was made, to the second
DISPLAY_P3 = RgbSpace(
    np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]),
    (SRGB_CURVE, SRGB_CURVE, SRGB_CURVE),
)


def srgb_profile() -> bytes:
    """LittleCMS's own profile of sRGB, without the second it was made in: one call is every other."""
    made = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    return made[: CREATED.start] + bytes(CREATED.stop - CREATED.start) + made[CREATED.stop :]


def profile(matrix: Doubles = SRGB_MATRIX, curve: Curve = SRGB_CURVE) -> bytes:
    """A profile of these primaries and this curve."""
    return write_profile(RgbSpace(matrix, (curve, curve, curve)))


def exchanging_profile() -> bytes:
    """Shows red as blue and blue as red, with all else as sRGB has it."""
    return profile(SRGB_MATRIX[:, ::-1])


def inverting_profile() -> bytes:
    """Shows every picture as its negative."""
    light = SRGB_CURVE.light_of(np.linspace(1, 0, 1024))
    return profile(curve=Curve(None, tuple(light.tolist())))


def tables_profile(plain: bytes | None = None) -> bytes:
    """An A2B0 table that exchanges red and blue; in front of it, for readers of matrices, the tags of `plain`."""
    grid = np.stack(np.meshgrid(*(np.linspace(0, 1, 17),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:, ::-1]
    lab = _lab_of(SRGB_CURVE.light_of(grid) @ SRGB_MATRIX.T)
    encoded = np.clip(np.round(np.stack((lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128), 1)), 0, 255)
    ramps = bytes(range(256)) * 3
    identity = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    table = b"mft1" + bytes(4) + bytes([3, 3, 17, 0]) + identity + ramps + encoded.astype(np.uint8).tobytes() + ramps
    return _with_tags(plain or profile(), {b"A2B0": table}, connection=b"Lab ", drop=plain is None)


def of_class(kind: bytes, base: bytes | None = None) -> bytes:
    """A profile of another class, as b"link" (device link), b"nmcl" (named colours) or b"abst"."""
    base = base or exchanging_profile()
    return base[:12] + kind + base[16:]


def grey_profile(curve: Curve) -> bytes:
    """A profile of grey with this curve."""
    base = profile(curve=curve)
    start, size = struct.unpack_from(">II", base, 132 + 12 * 6 + 4)
    curve_tag = base[start : start + size]
    made = _with_tags(base, {b"kTRC": curve_tag}, connection=b"XYZ ", drop=True)
    return made[:16] + b"GRAY" + made[20:]


def with_words(base: bytes, words: str) -> bytes:
    """`base` with another description."""
    text = words.encode("utf-16-be")
    tag = struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(text), 28) + text
    return _with_tags(base, {b"desc": tag}, connection=b"XYZ ")


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with further chunks right after its header."""
    more = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return png[:33] + more + png[33:]


def save(pixels: Pixels, kind: str, mode: str | None = None, **options: object) -> bytes:
    """`pixels` as a file of Pillow's `kind`."""
    out = io.BytesIO()
    picture = PIL.Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(out, kind, **options)
    return out.getvalue()


def view(data: bytes) -> Pixels:
    """(H, W, 3) what a viewer shows that obeys ICC profiles and nothing else, as sRGB, by LittleCMS."""
    with PIL.Image.open(io.BytesIO(data)) as picture:
        found, colours = picture.info.get("icc_profile"), picture.convert("RGB")
    if not found:
        return np.asarray(colours)
    shown = PIL.ImageCms.profileToProfile(
        colours,
        PIL.ImageCms.ImageCmsProfile(io.BytesIO(found)),
        PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")),
        outputMode="RGB",
    )
    return np.asarray(shown)


def _with_tags(base: bytes, tags: dict[bytes, bytes], connection: bytes, *, drop: bool = False) -> bytes:
    """`base` with `tags` added or replaced; `drop` leaves out its primaries and curves."""
    (count,) = struct.unpack_from(">I", base, 128)
    found = {}
    for index in range(count):
        name, start, size = struct.unpack_from(">4sII", base, 132 + 12 * index)
        if not (drop and name.endswith((b"XYZ", b"TRC"))):
            found[name] = base[start : start + size]
    found |= tags
    start, table, body = 132 + 12 * len(found), b"", b""
    for name, data in found.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I", start + len(body)) + base[4:20] + connection + base[24:128]
    return header + struct.pack(">I", len(found)) + table + body


def _lab_of(xyz: Doubles) -> Doubles:
    ratio = xyz / np.array([0.9642, 1.0, 0.8249])
    curved = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = curved.T
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=1)
