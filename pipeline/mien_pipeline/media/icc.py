"""ICC profiles as plain numbers: three primaries and three tone curves, read from a profile and written as a new one.

A profile may say one thing in its matrix and another in its tables, exchange red and blue, or name the monitor of the
photographer. A result carries only a profile that is plain, and with no words in it that are not public.
"""

import hashlib
import re
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# ICC.1:2022, 7.2: where the header says class, colour space and connection space, and the bytes that all profiles have.
_CLASS, _COLOUR_SPACE, _CONNECTION_SPACE, _SIGNATURE = slice(12, 16), slice(16, 20), slice(20, 24), slice(36, 40)
_HEADER_BYTES = 128
_MOST_TAGS = 100
_MOST_BYTES = 8 << 20  # printers' tables are the largest, at some 3 MB
# Device links, named colours and abstract profiles describe no picture's pixels; browsers ignore them as well.
_PICTURE_CLASSES = {b"mntr", b"scnr", b"prtr", b"spac"}
_TABLES = (b"A2B", b"B2A", b"D2B", b"B2D", b"cicp", b"gamt")
_COLORANTS, _CURVES = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
D50 = np.array([0.9642, 1.0, 0.8249])

SRGB_MATRIX = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
"""Linear sRGB to XYZ under D50, as the ICC publishes it."""

_CODES = np.arange(256) / 255
# What a result may carry: primaries in the order of their names, white near D50, curves that rise like a display's.
_LEAST_OWN_SHARE = 0.3
_WHITE_TOLERANCE = 0.04
_MIDDLE = (0.13, 0.34)  # light at half of the code values, for gammas of 2.9 to 1.55
_ENDS = (0.03, 0.97)
_CURVE_SPREAD = 0.1
_SAME_AS_SRGB = 2.5 / 255  # a difference in code values that rounding alone makes

# Matrices under D50, by the name that a result's profile bears.
_NAMED = {
    "sRGB": SRGB_MATRIX,
    "Display P3": np.array([[0.5151, 0.2919, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]),
    "Adobe RGB (1998)": np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]]),
    "Rec. 2020": np.array([[0.6735, 0.1657, 0.1250], [0.2790, 0.6753, 0.0456], [-0.0019, 0.0299, 0.7969]]),
    "ProPhoto RGB": np.array([[0.7977, 0.1352, 0.0313], [0.2880, 0.7119, 0.0001], [0.0, 0.0, 0.8249]]),
}

# Words in the profiles that cameras, browsers and libraries attach to everyone's pictures.
_PUBLIC_WORDS = re.compile(
    r"|(sRGB|uRGB|c2|c2ci|sRGB built-in|sRGB IEC61966-2[.-]1|GIMP built-in sRGB|Display P3|Adobe RGB \(1998\)|RGB)"
    r"|(Rec\. 2020|ProPhoto RGB)"
    r"|(No copyright, use freely\.?|Public Domain|CC0|FB|Google Inc\. 2016)"
    r"|(Copyright Apple Inc\., 20\d\d|Copyright (1999|2000) Adobe Systems Incorporated)"
    r"|(Copyright \(c\) 1998 Hewlett-Packard Company|IEC http://www\.iec\.ch|IEC 61966-2\.1 Default RGB colour space -"
    r" sRGB|Reference Viewing Condition in IEC61966-2\.1)"
)
# Names of makers in the header: of the module, the device, its model and the profile's author.
_MAKERS = (slice(4, 8), slice(48, 52), slice(52, 56), slice(80, 84))
_PUBLIC_MAKERS = {bytes(4), b"lcms", b"appl", b"APPL", b"ADBE", b"Lino", b"IEC ", b"sRGB", b"HP  ", b"none", b"GOOG"}
_RESERVED, _DIGEST, _NOT_DIGESTED = slice(100, 128), slice(84, 100), (slice(44, 48), slice(64, 68), slice(84, 100))
_NUMBERS = {b"XYZ ", b"curv", b"para", b"sf32", b"chrm", b"meas", b"view", b"sig "}


@dataclass(frozen=True, slots=True)
class Curve:
    """A tone curve, code value → light, both 0..1: a parametric one of ICC.1:2022, 10.18, or a table of light.

    Attributes:
        kind: 0 to 4, the function's type; None for a table.
        numbers: the function's parameters, or the table's entries, 0..1.
    """

    kind: int | None
    numbers: tuple[float, ...]

    def light_of(self, codes: Doubles) -> Doubles:
        """Light of code values in 0..1, the same shape."""
        if self.kind is None:
            return np.interp(codes, np.linspace(0, 1, len(self.numbers)), self.numbers)
        gamma, a, b, c, d, e, f = self._general_parameters()
        curved = np.maximum(a * codes + b, 0) ** gamma + e
        return np.asarray(np.clip(np.where(codes >= d, curved, c * codes + f), 0, 1), np.float64)

    def _general_parameters(self) -> tuple[float, ...]:
        """The function as one of type 4: gamma, a, b, c, d, e, f (ICC.1:2022, table 68)."""
        if self.kind == 0:
            return self.numbers[0], 1, 0, 0, 0, 0, 0
        if self.kind in {1, 2}:
            gamma, a, b, *rest = self.numbers
            lowest = rest[0] if rest else 0
            return gamma, a, b, 0, -b / a if a else 0, lowest, lowest
        return (*self.numbers, 0, 0)[:7]


_PARAMETER_COUNTS = (1, 3, 4, 5, 7)

SRGB_CURVE = Curve(3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))  # IEC 61966-2-1


@dataclass(frozen=True, slots=True, eq=False)
class RgbSpace:
    """An RGB colour space: (3, 3) linear RGB to XYZ under D50, and a curve each for red, green and blue."""

    matrix: Doubles
    curves: tuple[Curve, Curve, Curve]

    @property
    def is_plain(self) -> bool:
        """Pixels of this space look much the same to a viewer that ignores profiles: a result may carry it."""
        with np.errstate(all="ignore"):
            linear = np.linalg.inv(SRGB_MATRIX) @ self.matrix
            curves = np.array([curve.light_of(_CODES) for curve in self.curves])
        others = np.where(np.eye(3, dtype=bool), -np.inf, linear)
        return bool(
            np.isfinite(linear).all()
            and np.isfinite(curves).all()
            and np.abs(self.matrix.sum(axis=1) - D50).max() <= _WHITE_TOLERANCE
            and (np.diag(linear) - np.maximum(others.max(axis=0), others.max(axis=1)) >= _LEAST_OWN_SHARE).all()
            and (np.diff(curves, axis=1) >= 0).all()
            and curves[:, 0].max() <= _ENDS[0]
            and curves[:, -1].min() >= _ENDS[1]
            and (_MIDDLE[0] <= curves[:, 128]).all()
            and (curves[:, 128] <= _MIDDLE[1]).all()
            and np.ptp(curves, axis=0).max() <= _CURVE_SPREAD
        )

    @property
    def is_srgb(self) -> bool:
        """Pixels of this space are sRGB's, but for rounding."""
        if np.abs(self.matrix - SRGB_MATRIX).max() > 0.003:
            return False
        light = np.array([curve.light_of(_CODES) for curve in self.curves])
        code = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
        return bool(np.abs(code - _CODES).max() <= _SAME_AS_SRGB)


def space_of(profile: bytes | None) -> bytes | None:
    """The four bytes that name the colour space a profile describes, as b"RGB "; None where it describes no picture."""
    if profile is None or profile[_SIGNATURE] != b"acsp" or len(profile) > _MOST_BYTES:
        return None
    return bytes(profile[_COLOUR_SPACE]) if profile[_CLASS] in _PICTURE_CLASSES else None


def read_rgb_space(profile: bytes) -> RgbSpace | None:
    """The primaries and curves of a profile; None where it has tables as well, or anything else than these."""
    try:
        tags = _read_tags(profile)
        if profile[_CONNECTION_SPACE] != b"XYZ " or any(name.startswith(_TABLES) for name in tags):
            return None
        matrix = np.array([_read_xyz(tags[name]) for name in _COLORANTS]).T
        red, green, blue = (_read_curve(tags[name]) for name in _CURVES)
        return RgbSpace(matrix, (red, green, blue))
    except (KeyError, ValueError, struct.error):
        return None


def is_public(profile: bytes) -> bool:
    """Whether a profile holds numbers and well-known words only, so that a result may carry it byte for byte."""
    try:
        if not _has_public_header(profile):
            return False
        spans = _read_spans(profile)
        end = _HEADER_BYTES + 4 + 12 * len(spans)
        for start, size in sorted({*spans.values(), (len(profile), 0)}):
            if start < end or start - end > 3 or any(profile[end:start]):  # what lies between may be anything
                return False
            end = start + size
        return all(_is_public_tag(data) for data in _read_tags(profile).values())
    except (ValueError, struct.error, UnicodeDecodeError):
        return False


def write_profile(space: RgbSpace) -> bytes:
    """A profile, version 4.3, that says nothing but this colour space."""
    close = {name: np.abs(matrix - space.matrix).max() for name, matrix in _NAMED.items()}
    name = min(close, key=lambda each: close[each])
    parts: dict[bytes, bytes] = {
        b"desc": _write_words(name if close[name] < 0.003 else "RGB"),
        b"cprt": _write_words("CC0"),
        b"wtpt": _write_xyz(D50),
    }
    parts |= {name: _write_xyz(column) for name, column in zip(_COLORANTS, space.matrix.T, strict=True)}
    parts |= {name: _write_curve(curve) for name, curve in zip(_CURVES, space.curves, strict=True)}
    start, body, places = _HEADER_BYTES + 4 + 12 * len(parts), b"", dict[bytes, int]()
    for data in parts.values():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
    table = b"".join(struct.pack(">4sII", name, places[data], len(data)) for name, data in parts.items())
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D) + bytes(48)
    return header + struct.pack(">I", len(parts)) + table + body


def space_from_chromaticities(xy: tuple[float, ...], curve: Curve) -> RgbSpace:
    """The space of primaries red, green, blue and white, as x and y of each (8 numbers), adapted to D50.

    Raises:
        ValueError: they describe no colour space.

    Source: SMPTE RP 177-1993 for the matrix; Lindbloom's Bradford matrix, which ICC.1:2022 annex E uses, for D50.
    """
    points = np.array(xy, np.float64).reshape(4, 2)
    if not np.isfinite(points).all() or (np.abs(points) > 4).any() or (np.abs(points[:, 1]) < 1e-4).any():
        raise ValueError("no chromaticities")
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in points]).T
    try:
        with np.errstate(all="ignore"):
            matrix = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
            cone = _BRADFORD @ columns[:, 3]
            adapted = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ D50 / cone) @ _BRADFORD @ matrix
    except np.linalg.LinAlgError as error:
        raise ValueError("no three primaries") from error
    if not np.isfinite(adapted).all() or np.abs(adapted).max() > 16:
        raise ValueError("no three primaries")
    return RgbSpace(adapted, (curve, curve, curve))


_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    return {name: bytes(profile[start : start + size]) for name, (start, size) in _read_spans(profile).items()}


def _read_spans(profile: bytes) -> dict[bytes, tuple[int, int]]:
    """Start and size of every tag; several may share one."""
    (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    if count > _MOST_TAGS:
        raise ValueError("too many tags")
    spans: dict[bytes, tuple[int, int]] = {}
    for index in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * index)
        if start + size > len(profile) or name in spans:
            raise ValueError("a tag outside the profile, or one that is there twice")
        spans[name] = start, size
    return spans


def _read_xyz(data: bytes) -> tuple[float, ...]:
    kind, *numbers = struct.unpack_from(">4s4xiii", data)
    if kind != b"XYZ ":
        raise ValueError("no XYZ")
    return tuple(number / 65536 for number in numbers)


def _read_curve(data: bytes) -> Curve:
    if data[:4] == b"para":
        (kind,) = struct.unpack_from(">H", data, 8)
        if kind >= len(_PARAMETER_COUNTS):
            raise ValueError("an unknown function")
        numbers = struct.unpack_from(f">{_PARAMETER_COUNTS[kind]}i", data, 12)
        return Curve(kind, tuple(number / 65536 for number in numbers))
    (count,) = struct.unpack_from(">I", data, 8)
    if data[:4] != b"curv" or count > 65536:
        raise ValueError("no curve")
    entries = struct.unpack_from(f">{count}H", data, 12)
    if count == 0:
        return Curve(0, (1.0,))
    return Curve(0, (entries[0] / 256,)) if count == 1 else Curve(None, tuple(entry / 65535 for entry in entries))


def _write_xyz(values: Doubles) -> bytes:
    return struct.pack(">4s4xiii", b"XYZ ", *(round(float(value) * 65536) for value in values))


def _write_curve(curve: Curve) -> bytes:
    if curve.kind is None:
        entries = [round(min(max(number, 0), 1) * 65535) for number in curve.numbers]
        return struct.pack(f">4s4xI{len(entries)}H", b"curv", len(entries), *entries)
    numbers = [round(number * 65536) for number in curve.numbers]
    return struct.pack(f">4s4xHxx{len(numbers)}i", b"para", curve.kind, *numbers)


def _write_words(words: str) -> bytes:
    text = words.encode("utf-16-be")
    return struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(text), 28) + text


def _has_public_header(profile: bytes) -> bool:
    """Whether a header names well-known makers, and holds no bytes of its own where a digest or nothing belongs."""
    digested = bytearray(profile)
    for part in _NOT_DIGESTED:
        digested[part] = bytes(part.stop - part.start)
    digest = hashlib.md5(digested, usedforsecurity=False).digest()  # ICC.1:2022, 7.2.18
    return (
        all(profile[maker] in _PUBLIC_MAKERS for maker in _MAKERS)
        and not any(profile[_RESERVED])
        and profile[_DIGEST] in {bytes(16), digest}
    )


def _is_public_tag(data: bytes) -> bool:
    if data[:4] in _NUMBERS:
        return True
    return all(_PUBLIC_WORDS.fullmatch(words.rstrip("\0")) for words in _read_words(data))


def _read_words(data: bytes) -> list[str]:
    """Every text of a tag; raises ValueError where it holds anything else."""
    if data[:4] == b"text":
        return [data[8:].decode("ascii")]
    if data[:4] == b"desc":
        (size,) = struct.unpack_from(">I", data, 8)
        # After the ASCII words come the same in Unicode and in a Macintosh script: as good as never used.
        return [data[12 : 12 + size].decode("ascii"), data[12 + size :].decode("ascii").strip("\0")]
    if data[:4] == b"mluc":
        count, width = struct.unpack_from(">II", data, 8)
        if count != 1 or width != 12:
            raise ValueError("several languages")
        size, start = struct.unpack_from(">II", data, 20)
        if start != 28 or len(data) - start - size > 3:
            raise ValueError("more than words")
        return [data[start : start + size].decode("utf-16-be")]
    raise ValueError("a tag that is neither numbers nor words")
