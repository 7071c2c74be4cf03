"""JPEG files scan by scan: where the picture ends, and how many of its last rows are missing.

libjpeg fills what is missing with grey and says so only in a warning, which Pillow does not pass on. simplejpeg does.
Source: ITU-T T.81, annexes B (markers) and G (progressive).
"""

import re
import struct
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mien_core.errors import InvalidImage
from mien_pipeline.media.damage import Damage, refuse_damaged
from mien_pipeline.media.polyglot import Bytes

# A picture may lack this part of its rows, or one row of blocks where that is more, and is read all the same. What
# threads about cut photographs show is a download that lost its last kilobytes, which is far less.
MISSING_PART = 50

END = b"\xff\xd9"
_SCAN = 0xDA
_FILL = re.compile(rb"\xff+")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers that begin a picture, without DHT, JPG and DAC
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_IN_SCAN = {0x00, 0x01, *range(0xD0, 0xD8)}  # a stuffed zero, TEM and the restart markers do not end a scan
_OUT_OF_SCAN = re.compile(rb"\xff[^\xff\x00\x01\xd0-\xd7]")  # a marker of another kind
_MAX_SCANS = 1000  # libjpeg-turbo's own programs stop here too: each may take as long as a whole picture
_LEAST_STEP = 16  # bytes from one stuffed zero to the next; in what was compressed well there are 256
# Two tails that no decoder takes for the same blocks. They hold no marker.
_TAILS = (b"", bytes(range(1, 251)) * 4)


@dataclass(slots=True)
class Body:
    """What the markers say.

    Attributes:
        end: the offset of the end marker, or the length of the file where there is none.
        ended: whether there is one.
        bits: for each component and coefficient, how many low bits no scan has brought yet; absent for none at all.
        in_scan: whether the last thing seen was a scan.
    """

    end: int
    ended: bool = False
    progressive: bool = False
    height: int = 0
    band_rows: int = 8
    components: tuple[int, ...] = ()
    scans: int = 0
    bits: dict[tuple[int, int], int] = field(default_factory=dict)


def repair_end(data: Bytes) -> tuple[Bytes, int | None]:
    """`data` with an end, and how many of its last rows are missing; None for a whole picture.

    0 rows are missing where only the end marker is, or the last pass of a progressive picture, which holds the lowest
    bit. A pass that ends early leaves its rows with less detail; they count as missing.

    Raises:
        InvalidImage: more is missing than `MISSING_PART` allows; `reason`, `row` and `rows` say where.
    """
    body = read_body(data)
    lacks_bits = _check_scans(body)
    trouble = _find_trouble(data, body)
    if trouble is None and body.ended:
        return data, 0 if lacks_bits else None
    cut = bytes(data[: body.end])
    missing = _count_missing_rows(cut, body)
    if missing > max(body.band_rows, body.height // MISSING_PART):
        raise _refuse_missing(body, missing)
    if not body.ended:
        return cut + END, missing
    if missing or lacks_bits:
        return data, missing
    if trouble is not None and "remature end" in trouble:
        raise refuse_damaged("jpeg", "rows-missing", "rows inside the picture cannot be decoded")
    return data, None  # bytes too many, or others than were written: every row is there


def ends_early(tables: bytes, piece: bytes) -> bool:
    """Whether a strip or tile of a TIFF, a JPEG whose tables lie elsewhere, ends before its last row."""
    whole = tables.removesuffix(END) + piece.removeprefix(b"\xff\xd8") if tables else piece
    body = read_body(whole)
    trouble = _find_trouble(whole, body)
    return not body.ended or (trouble is not None and "remature end" in trouble)


def read_body(data: Bytes) -> Body:
    """The markers of the first picture in `data`.

    Raises:
        InvalidImage: they contradict the format, or end before the first scan.
    """
    body, at = Body(len(data)), 2
    while (marker := _next_marker(data, at)) is not None:
        name, at = marker
        if name == END[1]:
            body.end, body.ended = at - 2, True
            break
        length = int.from_bytes(data[at : at + 2], "big")
        segment = bytes(data[at + 2 : at + min(length, 300)])
        if name in _FRAMES:
            _read_frame(body, name, segment)
        elif name == _SCAN:
            _read_scan(body, segment)
        if name not in _IN_SCAN and name != 0xD8:
            at += max(2, length)
    if not body.scans:
        raise refuse_damaged("jpeg", "ends-early", "the file ends before its pixels begin")
    return body


def find_only_scan(data: Bytes) -> int | None:
    """Where the scan begins that has all pixels of the first picture; None of a progressive one, which has several.

    Raises:
        InvalidImage: the markers before it contradict the format.
    """
    body, at = Body(len(data)), 2
    while (marker := _next_marker(data, at)) is not None:
        name, at = marker
        length = int.from_bytes(data[at : at + 2], "big")
        if name == _SCAN:
            return at if not body.progressive and data[at + 2 : at + 3] == bytes([len(body.components)]) else None
        if name in _FRAMES:
            _read_frame(body, name, bytes(data[at + 2 : at + min(length, 300)]))
        if name not in _IN_SCAN and name != 0xD8:
            at += max(2, length)
    return None


def ends_after_scan(data: bytes, scan: int) -> bool:
    """Whether an end marker is the next one after the scan that begins at `scan`, and that is not made of marks.

    `read_body` knows it too, of every file, and takes eight times as long.
    """
    found = _OUT_OF_SCAN.search(data, scan + 2)
    return found is not None and found[0] == END and data.count(b"\xff") < len(data) // _LEAST_STEP


def decode_at_least(data: Bytes, side: int) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB at the smallest scale, of eighths, with sides of at least `side`; raises `ValueError`."""
    return _decode(data, "RGB", side, strict=True)


def _next_marker(data: Bytes, at: int) -> tuple[int, int] | None:
    """The next marker that does not belong to a scan, and where what follows it begins."""
    steps = 10_000 + len(data) // _LEAST_STEP
    while (at := data.find(b"\xff", at)) >= 0:
        fill = _FILL.match(data, at)
        at = fill.end() if fill else at + 1
        if at >= len(data):
            return None
        name, at = data[at], at + 1
        if name not in _IN_SCAN:
            return name, at
        steps -= 1
        if not steps:
            raise refuse_damaged("jpeg", "bad-data", "its pixels are made of marks")
    return None


def _read_frame(body: Body, name: int, segment: bytes) -> None:
    try:
        body.height, count = struct.unpack_from(">xHxxB", segment)
        parts = [struct.unpack_from("BB", segment, 6 + 3 * index) for index in range(count)]
    except struct.error as error:
        raise refuse_damaged("jpeg", "bad-header", "its frame header is too short") from error
    body.progressive = name in _PROGRESSIVE
    body.components = tuple(part[0] for part in parts)
    body.band_rows = 8 * max([1, *(part[1] & 15 for part in parts)])


def _read_scan(body: Body, segment: bytes) -> None:
    body.scans += 1
    if body.scans > _MAX_SCANS:
        raise refuse_damaged("jpeg", "bad-data", f"it has more than {_MAX_SCANS:,} scans")
    count = segment[0] if segment else 0
    if len(segment) < 4 + 2 * count:
        return
    first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
    if not body.progressive:
        first, last, bits = 0, 63, 0
    for index in range(count):
        for coefficient in range(first, min(last, 63) + 1):
            body.bits[segment[1 + 2 * index], coefficient] = bits & 15


def _check_scans(body: Body) -> bool:
    """Whether the lowest bit of a coefficient was never sent; raises where more of one was not."""
    rest = [body.bits.get((part, coefficient)) for part in body.components for coefficient in range(64)]
    known = [bits for bits in rest if bits is not None]
    if len(known) < len(rest) or max(known, default=0) > 1:
        raise refuse_damaged("jpeg", "scans-missing", "it ends before the passes that hold its detail")
    return any(known)


def _refuse_missing(body: Body, missing: int) -> InvalidImage:
    row = body.height - missing + 1
    if body.ended:
        reason, detail = "rows-missing", f"row {row} of {body.height} cannot be decoded"
    else:
        reason, detail = "ends-early", f"the file ends early, at row {row} of {body.height}"
    return refuse_damaged("jpeg", cast(Damage, reason), detail, row=row, rows=body.height)


def _find_trouble(data: Bytes, body: Body) -> str | None:
    """What libjpeg warns of first, or why it cannot decode at all; None where it has nothing to say."""
    try:
        _decode(data, "CMYK" if len(body.components) == 4 else "GRAY", 1, strict=True)
    except ValueError as error:
        return str(error)
    return None


def _count_missing_rows(cut: bytes, body: Body) -> int:
    """How many of the last rows depend on what comes after `cut`: they are decoded from bytes that are not there."""
    colours = "CMYK" if len(body.components) == 4 else "RGB"
    # An eighth of the size shows the first coefficient alone; a later pass of a progressive picture has the others.
    side = 0 if body.progressive else 1
    try:
        one, other = (_decode(cut + tail + END, colours, side, strict=False) for tail in _TAILS)
    except ValueError as error:
        raise refuse_damaged("jpeg", "bad-data", f"it cannot be decoded ({error})") from error
    differing = (one != other).any((1, 2)).nonzero()[0]
    if not len(differing):
        return 0
    return body.height - int(differing[0]) * (8 if side else 1)


def _decode(data: Bytes, colours: str, side: int, *, strict: bool) -> NDArray[np.uint8]:
    """(h, w, n) uint8 at the smallest scale of at least `side` pixels, or at its own for 0; raises `ValueError`."""
    import simplejpeg  # not at the top: the daemon's front process reads headers alone

    return np.asarray(simplejpeg.decode_jpeg(data, colours, min_height=side, min_width=side, strict=strict), np.uint8)
