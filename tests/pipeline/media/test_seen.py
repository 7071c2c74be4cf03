"""What is worked on is what a viewer shows, and a result shows the same, whatever says how to see it."""

import io
import struct
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from mien_pipeline.image import Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES, encode
from mien_pipeline.media.icc import SRGB_CURVE, Curve, write_profile
from mien_pipeline.media.seen import to_stored
from mien_pipeline.options import Format
from mien_testing.profiles import (
    DISPLAY_P3,
    exchanging_profile,
    grey_profile,
    inverting_profile,
    of_class,
    profile,
    save,
    srgb_profile,
    tables_profile,
    view,
    with_chunks,
    with_words,
)

LOSSLESS = ("png", "tiff")
CICP_P3 = (b"cICP", bytes([12, 13, 0, 1]))


def colours() -> Pixels:
    """Smooth, so that every format keeps them, and saturated."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack((x * 4, 255 - y * 5, (x + y) * 2), axis=2).astype(np.uint8)


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other).mean())


PLAIN = {
    "Display P3": write_profile(DISPLAY_P3),
    "gamma 1.8": profile(curve=Curve(0, (1.8,))),
    "a monitor's": with_words(write_profile(DISPLAY_P3), "Anna's iMac 4711"),
}
HOSTILE = {
    "exchanged": exchanging_profile(),
    "negative": inverting_profile(),
    "tables": tables_profile(),
    "tables beside primaries": tables_profile(profile()),
}


@pytest.mark.parametrize("output", MEDIA_TYPES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_wide_picture_shows_the_same_colours_in_every_format(kind: str, output: Format) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    data = save(colours(), kind, icc_profile=PLAIN["Display P3"], **options)
    image = decode(data)
    assert difference(image.pixels, view(data)) < 0.1
    result = encode(image, output)
    assert difference(view(result), view(data)) < (0.1 if output in LOSSLESS else 3)
    with PIL.Image.open(io.BytesIO(result)) as opened:
        assert opened.info["icc_profile"] == PLAIN["Display P3"]


@pytest.mark.parametrize("name", PLAIN)
def test_stored_pixels_of_a_plain_profile_stay_bit_for_bit(name: str) -> None:
    image = decode(save(colours(), "PNG", icc_profile=PLAIN[name]))
    assert np.array_equal(to_stored(image), colours())


def test_a_profiles_own_words_do_not_reach_a_result() -> None:
    image = decode(save(colours(), "PNG", icc_profile=PLAIN["a monitor's"]))
    assert image.icc_profile == PLAIN["Display P3"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_profile_that_changes_the_picture_is_obeyed_and_not_kept(kind: str, name: str) -> None:
    """The pixels that are checked are the ones shown, and the result is those pixels without a profile."""
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    data = save(colours(), kind, icc_profile=HOSTILE[name], **options)
    image = decode(data)
    assert difference(image.pixels, colours()) > 20
    assert difference(image.pixels, view(data)) < 0.1
    assert image.icc_profile is None
    assert difference(view(encode(image, "png")), view(data)) < 0.1


@pytest.mark.parametrize(
    "found",
    [
        of_class(b"link"),
        of_class(b"nmcl"),
        of_class(b"abst"),
        b"no profile",
        exchanging_profile()[:200],
        grey_profile(Curve(0, (2.2,))),
    ],
)
def test_a_profile_that_says_nothing_of_these_pixels_is_dropped(found: bytes) -> None:
    image = decode(save(colours(), "PNG", icc_profile=found))
    assert np.array_equal(image.pixels, colours())
    assert image.icc_profile is None
    assert image.native is None


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_negative_of_grey_is_seen_with_and_without_transparency(mode: str) -> None:
    falling = Curve(None, tuple(SRGB_CURVE.light_of(np.linspace(1, 0, 256)).tolist()))
    grey = colours()[..., 0]
    stored = grey if mode == "L" else np.dstack((grey, np.full_like(grey, 200)))
    image = decode(save(stored, "PNG", icc_profile=grey_profile(falling)))
    assert difference(image.pixels[..., 0], 255 - grey) < 1
    assert image.icc_profile is None


def test_grey_under_a_profile_of_colours_is_seen_through_it() -> None:
    data = save(colours()[..., 0], "PNG", icc_profile=inverting_profile())
    assert difference(decode(data).pixels[..., 0], 255 - colours()[..., 0]) < 1


def test_srgb_from_a_library_is_carried_as_it_is() -> None:
    image = decode(save(colours(), "JPEG", icc_profile=srgb_profile()))
    assert image.icc_profile == srgb_profile()
    assert image.native is None


def test_an_edit_is_carried_over_and_shows_the_colour_that_was_painted() -> None:
    image = decode(save(colours(), "PNG", icc_profile=PLAIN["Display P3"]))
    painted = image.pixels.copy()
    painted[10:20, 10:30] = (190, 140, 120)
    result = encode(replace(image, pixels=painted), "png")
    assert difference(view(result)[10:20, 10:30], painted[10:20, 10:30]) < 2
    with PIL.Image.open(io.BytesIO(result)) as opened:
        stored = np.asarray(opened)
    assert np.array_equal(stored[20:], colours()[20:])


def test_a_picture_of_another_size_is_converted_as_a_whole() -> None:
    image = decode(save(colours(), "PNG", icc_profile=PLAIN["Display P3"]))
    half = np.ascontiguousarray(image.pixels[::2, ::2])
    assert difference(view(encode(replace(image, pixels=half), "png")), half) < 2


# ── what PNG, BMP, AVIF, HEIC and EXIF say without a profile ─────────────────────────────────────────────────────


def view_as_p3(stored: Pixels) -> Pixels:
    return view(save(stored, "PNG", icc_profile=PLAIN["Display P3"]))


@pytest.mark.parametrize("output", MEDIA_TYPES)
def test_code_points_of_a_png_are_obeyed_and_reach_every_format_as_a_profile(output: Format) -> None:
    image = decode(with_chunks(save(colours(), "PNG"), CICP_P3))
    assert difference(image.pixels, view_as_p3(colours())) < 0.5
    shown = view(encode(image, output))
    assert difference(shown, view_as_p3(colours())) < (0.5 if output in LOSSLESS else 3)


def test_code_points_come_before_a_profile_and_a_profile_before_gamma() -> None:
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    both = with_chunks(save(colours(), "PNG", icc_profile=exchanging_profile()), CICP_P3)
    assert difference(decode(both).pixels, view_as_p3(colours())) < 0.5
    profiled = with_chunks(save(colours(), "PNG", icc_profile=srgb_profile()), gamma)
    assert np.array_equal(decode(profiled).pixels, colours())
    named = with_chunks(save(colours(), "PNG"), (b"sRGB", b"\0"), gamma)
    assert np.array_equal(decode(named).pixels, colours())


def test_srgb_said_in_numbers_changes_nothing() -> None:
    chromaticities = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    data = with_chunks(save(colours(), "PNG"), (b"gAMA", struct.pack(">I", 45455)), (b"cHRM", chromaticities))
    image = decode(data)
    assert np.array_equal(image.pixels, colours())
    assert image.native is None


@pytest.mark.parametrize("gamma", [1, 2_000, 1_000_000, 2**31 - 1])
def test_a_gamma_that_hides_a_picture_is_obeyed_and_not_kept(gamma: int) -> None:
    image = decode(with_chunks(save(colours(), "PNG"), (b"gAMA", struct.pack(">I", gamma))))
    assert image.icc_profile is None
    assert difference(image.pixels, colours()) > 20


def test_exchanged_chromaticities_are_obeyed_and_not_kept() -> None:
    chromaticities = struct.pack(">8I", 31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)
    image = decode(with_chunks(save(colours(), "PNG"), (b"cHRM", chromaticities)))
    assert difference(image.pixels, colours()[..., ::-1]) < 2
    assert image.icc_profile is None


def test_a_profile_behind_the_pixels_says_nothing() -> None:
    """Viewers have shown the picture by then."""
    data = save(colours(), "PNG", icc_profile=exchanging_profile())
    at = data.index(b"iCCP") - 4
    length = 12 + int.from_bytes(data[at : at + 4], "big")
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    image = decode(moved)
    assert np.array_equal(image.pixels, colours())
    assert image.icc_profile is None


@pytest.mark.parametrize("chunk", [(b"gAMA", bytes(4)), (b"cHRM", bytes(32)), (b"cICP", bytes([99, 99, 0, 1]))])
def test_numbers_that_mean_nothing_are_as_if_not_there(chunk: tuple[bytes, bytes]) -> None:
    assert np.array_equal(decode(with_chunks(save(colours(), "PNG"), chunk)).pixels, colours())


def test_narrow_code_values_are_widened() -> None:
    narrow = np.round(16 + colours() / 255 * 219).astype(np.uint8)
    image = decode(with_chunks(save(narrow, "PNG"), (b"cICP", bytes([1, 13, 0, 0]))))
    assert difference(image.pixels, colours()) < 1


@pytest.mark.parametrize("curve", [16, 18])
def test_high_dynamic_range_becomes_a_standard_picture(curve: int) -> None:
    """Reference white, at 203 cd/m², is code value 0.58 of PQ and 0.75 of HLG (ITU-R BT.2408, table 1)."""
    white = {16: 0.58, 18: 0.75}[curve]
    stored = np.full((8, 8, 3), round(white * 255), np.uint8)
    image = decode(with_chunks(save(stored, "PNG"), (b"cICP", bytes([9, curve, 0, 1]))))
    assert image.pixels.min() > 245
    assert image.icc_profile is None
    dark = decode(with_chunks(save(stored // 2, "PNG"), (b"cICP", bytes([9, curve, 0, 1]))))
    assert 20 < dark.pixels.mean() < 140
    assert np.ptp(dark.pixels) <= 1


def with_nclx(data: bytes, primaries: int, curve: int) -> bytes:
    """An AVIF or HEIC whose code points are others."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, curve) + data[at + 4 :]


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_code_points_of_an_iso_container_are_obeyed(kind: str) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    plain = save(colours(), kind, quality=95)
    stored = decode(plain).pixels
    image = decode(with_nclx(plain, 12, 13))
    assert difference(image.pixels, view_as_p3(stored)) < 0.5
    assert image.native is not None
    behind = with_nclx(plain, 12, 13) + struct.pack(">I4s", 8, b"free")
    assert np.array_equal(decode(behind).pixels, image.pixels)
    linear = decode(with_nclx(plain, 1, 8))
    assert linear.pixels.mean() > stored.mean() + 20


ADOBE_RGB_BY_NUMBER: dict[int, object] = {0xA001: 2}
ADOBE_RGB_BY_DCF: dict[int, object] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *((kind, ADOBE_RGB_BY_NUMBER) for kind in ("JPEG", "WEBP", "TIFF", "PNG")),
        *((kind, ADOBE_RGB_BY_DCF) for kind in ("JPEG", "WEBP", "PNG")),
    ],
)
def test_exifs_word_for_adobe_rgb_is_obeyed(kind: str, words: dict[int, object]) -> None:
    exif = PIL.Image.Exif()
    exif[0x8769] = words
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0}
    block = PIL.Image.Exif()
    block.load(exif.tobytes())  # Pillow's TIFF writer takes none that was not read
    data = save(colours(), kind, exif=block, **options)
    stored = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))
    image = decode(data)
    assert difference(image.pixels, stored) > 3
    assert np.array_equal(to_stored(image), stored)
    assert difference(view(encode(image, "png")), image.pixels) < 1


def bmp(pixels: Pixels, kind: int, profile_bytes: bytes = b"", ends: bytes = bytes(36), gamma: float = 0) -> bytes:
    """A BITMAPV5HEADER of that colour space; rows of the test picture need no padding."""
    height, width = pixels.shape[:2]
    body = pixels[::-1, :, ::-1].tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(body), 2835, 2835, 0, 0)
    header += bytes(16) + struct.pack("<I", kind) + ends + struct.pack("<3I", *(round(gamma * 65536),) * 3)
    header += struct.pack("<IIII", 4, 124 + len(body) if profile_bytes else 0, len(profile_bytes), 0)
    total = 14 + 124 + len(body) + len(profile_bytes)
    return b"BM" + struct.pack("<IHHI", total, 0, 0, 14 + 124) + header + body + profile_bytes


def test_a_bitmaps_profile_is_obeyed() -> None:
    image = decode(bmp(colours(), 0x4D424544, exchanging_profile()))
    assert difference(image.pixels, colours()[..., ::-1]) < 1
    assert np.array_equal(decode(bmp(colours(), 0x4C494E4B, b"C:\\Users\\anna\\p.icc\0")).pixels, colours())


def test_a_bitmaps_primaries_and_gamma_are_obeyed() -> None:
    image = decode(bmp(colours(), 0, ends=bytes(36), gamma=0))
    assert np.array_equal(image.pixels, colours())
    d65 = np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    ends = struct.pack("<9i", *np.round(d65 * 2**30).astype(int).ravel().tolist())
    linear = decode(bmp(colours(), 0, ends=ends, gamma=1.0))
    assert linear.pixels.mean() > colours().mean() + 20


# ── pixels that are not RGB ──────────────────────────────────────────────────────────────────────────────────────


def test_cmyk_under_a_profile_of_colours_keeps_its_own_colours() -> None:
    data = save(colours(), "JPEG", "CMYK", quality=95, icc_profile=exchanging_profile())
    assert difference(decode(data).pixels, colours()) < 4


def test_a_palette_is_seen_through_its_profile() -> None:
    stored = PIL.Image.fromarray(colours()).quantize(64)
    out = io.BytesIO()
    stored.save(out, "PNG", icc_profile=exchanging_profile())
    assert difference(decode(out.getvalue()).pixels, np.asarray(stored.convert("RGB"))[..., ::-1]) < 1


def test_sixteen_bit_colours_are_seen_through_their_code_points() -> None:
    done, data = cv2.imencode(".png", colours()[..., ::-1].astype(np.uint16) * 257)
    assert done
    image = decode(with_chunks(data.tobytes(), CICP_P3))
    assert difference(image.pixels, view_as_p3(colours())) < 0.5


def test_the_white_of_a_tiff_may_be_zero() -> None:
    stored = save(colours()[..., 0], "TIFF", tiffinfo={262: 0})
    with PIL.Image.open(io.BytesIO(stored)) as opened:
        shown = np.asarray(opened.convert("RGB"))
    assert np.array_equal(decode(stored).pixels, shown)
