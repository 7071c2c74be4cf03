"""Decoding promises upright 8-bit RGB with profile and transparency kept, and refuses by name what it will not read."""

import contextlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_pipeline.image import Pixels
from mien_pipeline.media import probe
from mien_pipeline.media.decode import decode

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")


def gradient(height: int = 48, width: int = 64) -> Pixels:
    """Smooth enough that a lossy format stays within a few levels of it."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)), axis=2).astype(np.uint8)


def encoded(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    picture.save(out, format=kind, **options)
    return out.getvalue()


def photograph(kind: str = "JPEG", **options: object) -> bytes:
    return encoded(PIL.Image.fromarray(gradient()), kind, **options)


def srgb_profile() -> bytes:
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("a.txt", "b")
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_promised_format_is_read(kind: str) -> None:
    image = decode(photograph(kind))
    assert image.format == kind.lower()
    assert image.pixels.dtype == np.uint8
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 4
    assert image.alpha is None
    assert image.warnings == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_exif_says(orientation: int) -> None:
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = orientation
    stored = PIL.Image.fromarray(gradient())
    data = encoded(stored, "PNG", exif=exif.tobytes())
    expected = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))
    assert np.array_equal(decode(data).pixels, np.asarray(expected))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_an_rgb_profile_is_kept_beside_untouched_pixels(kind: str) -> None:
    image = decode(photograph(kind, icc_profile=srgb_profile()))
    assert image.icc_profile == srgb_profile()


def test_bytes_that_are_no_profile_are_not_kept() -> None:
    assert decode(photograph("JPEG", icc_profile=b"not a profile")).icc_profile is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_kept(kind: str) -> None:
    alpha = np.linspace(0, 255, 48 * 64).astype(np.uint8).reshape(48, 64)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    image = decode(encoded(PIL.Image.fromarray(np.dstack((gradient(), alpha))), kind, **options))
    assert image.alpha is not None
    assert np.array_equal(image.alpha, alpha)
    assert np.array_equal(image.pixels, gradient())


def test_an_alpha_channel_that_hides_nothing_is_no_transparency() -> None:
    assert decode(encoded(PIL.Image.fromarray(gradient()).convert("RGBA"), "PNG")).alpha is None


def test_a_palette_with_a_transparent_entry_becomes_colours_and_alpha() -> None:
    picture = PIL.Image.fromarray(gradient()).quantize(16)
    image = decode(encoded(picture, "PNG", transparency=0))
    assert image.pixels.shape == (48, 64, 3)
    assert image.alpha is not None
    assert set(np.unique(image.alpha)) == {0, 255}


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_pictures_become_rgb_and_say_so(mode: str) -> None:
    image = decode(encoded(PIL.Image.fromarray(gradient()).convert(mode), "PNG"))
    assert image.warnings == ("grey",)
    assert np.array_equal(image.pixels[..., 0], image.pixels[..., 2])


def test_cmyk_without_a_profile_keeps_its_colours() -> None:
    image = decode(encoded(PIL.Image.fromarray(gradient()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 4
    assert image.icc_profile is None


def test_lab_becomes_srgb() -> None:
    lab = PIL.ImageCms.profileToProfile(
        PIL.Image.fromarray(gradient()),
        PIL.ImageCms.createProfile("sRGB"),
        PIL.ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    image = decode(encoded(lab, "TIFF"))
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 3


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    wide = (gradient()[..., 0].astype(np.uint16) * 257).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        image = decode(encoded(PIL.Image.fromarray(wide), kind))
        assert np.array_equal(image.pixels[..., 0], gradient()[..., 0])
        assert "sixteen-bit" in image.warnings


def test_sixteen_bit_colour_is_scaled_and_says_so() -> None:
    """Written by OpenCV: Pillow has no 16-bit colour to write."""
    import cv2

    wide = gradient()[..., ::-1].astype(np.uint16) * 257
    for suffix in (".png", ".tiff"):
        done, data = cv2.imencode(suffix, wide)
        assert done
        image = decode(data.tobytes())
        assert np.array_equal(image.pixels, gradient())
        assert image.warnings == ("sixteen-bit",)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bits_a_channel_are_refused_by_name(mode: str) -> None:
    with pytest.raises(InvalidImage, match="32 bits"):
        decode(encoded(PIL.Image.fromarray(gradient()).convert("L").convert(mode), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_animations_and_picture_collections_are_refused_by_name(kind: str) -> None:
    frames = [PIL.Image.fromarray(np.roll(gradient(), shift, axis=1)) for shift in (0, 9, 18)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    assert refused.value.fields["found"] == f"animated {kind.lower()}"


def test_a_telephones_jpeg_with_further_pictures_is_its_first_picture() -> None:
    frames = [PIL.Image.fromarray(gradient()), PIL.Image.fromarray(255 - gradient())]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    image = decode(data)
    assert image.format == "jpeg"
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 4


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        (b"\xef\xbb\xbf\n<SVG>", "svg"),
        (b"<!doctype html><script>", "markup"),
        (b"%PDF-1.7\n", "pdf"),
        (b"GIF89a\x01\0\x01\0", "gif"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (archive(), "zip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"RIFF\x10\0\0\0WAVE", "riff"),
        (b"\xff\x0a\x01", "jpeg-xl"),
        (b"just text", "unknown"),
        (b"", "nothing"),
    ],
)
def test_what_is_not_a_picture_mien_reads_is_named(data: bytes, found: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    assert refused.value.fields["found"] == found


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
def test_a_signature_over_foreign_content_is_refused(kind: str) -> None:
    """The first bytes choose the parser, and no other parser is tried."""
    head = photograph(kind)[:8]
    with pytest.raises(InvalidImage):
        decode(head + photograph("WEBP"))


TAILS = {
    "zip": archive(),
    "markup": b"\n<html><script>alert(1)</script>",
    "pdf": b"%PDF-1.4 trailer",
    "png": photograph("PNG"),
    "gif": b"GIF89a....",
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "HEIF"])
def test_a_picture_that_is_something_else_as_well_is_refused(kind: str, tail: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        decode(photograph(kind) + TAILS[tail])
    assert refused.value.fields["found"] == f"polyglot {kind.lower()}"
    assert refused.value.fields["also"] == tail


def test_a_tiff_with_an_archive_behind_it_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("TIFF") + archive())


def test_a_pdf_that_hides_in_a_jpegs_comment_is_refused() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG", comment=b"%PDF-1.4\n1 0 obj"))


def test_markup_after_a_stretch_of_zeros_is_still_seen() -> None:
    with pytest.raises(InvalidImage, match="something else"):
        decode(photograph("JPEG") + b"\x01" * 4000 + b"<script>")


def test_the_film_behind_a_moving_picture_passes() -> None:
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(7).bytes(500_000)
    assert decode(photograph("JPEG") + film).width == 64


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_short_is_refused_by_name(kind: str) -> None:
    data = photograph(kind)
    for part in (0.05, 0.4, 0.8):
        with pytest.raises(InvalidImage):
            decode(data[: int(len(data) * part)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(FORMATS),
    damage=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_no_damage_raises_anything_but_a_named_refusal(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(photograph(kind))
    for place, value in damage:
        data[int(place * len(data))] = value
    with contextlib.suppress(InvalidImage, ImageTooLarge):
        assert decode(bytes(data)).pixels.shape[2] == 3


def png_of(width: int, height: int) -> bytes:
    return encoded(PIL.Image.new("1", (width, height)), "PNG")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    """109 kB that would be 900 megapixels; in a fresh process, because only there memory can be told."""
    code = """
import io, resource, sys
import PIL.Image
from mien_core.errors import ImageTooLarge
from mien_pipeline.media.decode import decode
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(sys.stdin.buffer.read())
except ImageTooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], input=png_of(30_000, 30_000), capture_output=True, check=True)
    assert int(done.stdout) < 32_000  # kB


def test_frames_count_towards_the_limit() -> None:
    """2 kB that would be 160 megapixels: ten frames of 4000 × 4000."""
    frames = [PIL.Image.new("RGB", (4000, 4000), (25 * shade, 0, 0)) for shade in range(10)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0)
    with pytest.raises(ImageTooLarge) as refused:
        decode(data)
    assert refused.value.fields["frames"] == 10


@pytest.mark.parametrize("size", [(probe.MAX_SIDE + 1, 10), (12_000, 10_001)])
def test_the_limits_are_a_pixel_count_and_a_side(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge) as refused:
        probe.probe(png_of(*size))
    assert (refused.value.fields["width"], refused.value.fields["height"]) == size


def test_a_108_megapixel_photograph_is_within_the_limits() -> None:
    assert probe.probe(png_of(12_032, 9_024)).width == 12_032


def test_more_bytes_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ImageTooLarge) as refused:
        probe.probe(photograph("BMP"))
    assert refused.value.fields["limit_bytes"] == 1000


@pytest.mark.parametrize("kind", FORMATS)
def test_the_probe_tells_format_and_size_of_a_file_or_of_bytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(photograph(kind))
    expected = probe.PictureInfo(kind.lower(), 64, 48)
    assert probe.probe(path) == expected
    assert probe.probe(path.read_bytes()) == expected


def test_the_probe_refuses_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.touch()
    with pytest.raises(InvalidImage):
        probe.probe(path)


def test_the_probe_reads_no_pixels() -> None:
    """The body may be missing altogether."""
    data = photograph("JPEG")
    scan = data.index(b"\xff\xda")
    assert probe.probe(data[: scan + 20]).width == 64


@pytest.fixture
def without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    readable: Callable[..., bool] = probe._heif_is_readable  # pyright: ignore[reportPrivateUsage]
    cache_clear: Callable[[], None] = readable.cache_clear  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    cache_clear()
    return cache_clear


def test_heic_without_its_package_names_the_package(without_pillow_heif: Callable[[], None]) -> None:
    with pytest.raises(InvalidImage, match="pillow-heif") as refused:
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    readable = refused.value.fields["readable"]
    assert isinstance(readable, list)
    assert "heif" not in readable
    without_pillow_heif()
