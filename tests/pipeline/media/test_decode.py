"""Decoding promises upright 8-bit RGB with profile and transparency kept, and refuses by name what it will not read."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_pipeline.media.decode import decode
from mien_testing.files import FORMATS, encoded, gradient, photograph, png_of
from mien_testing.profiles import srgb_profile, with_chunks


@pytest.mark.parametrize("kind", FORMATS)
def test_every_promised_format_is_read(kind: str) -> None:
    image = decode(photograph(kind))
    assert image.format == kind.lower()
    assert image.pixels.dtype == np.uint8
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 4
    assert image.alpha is None
    assert image.warnings == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_file_says(kind: str, orientation: int) -> None:
    """A TIFF's parser turns it while loading, an AVIF and a HEIC say it in properties of their own."""
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32] = 255
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = orientation
    data = encoded(PIL.Image.fromarray(pixels), kind, exif=exif if kind == "TIFF" else exif.tobytes(), quality=95)
    png = encoded(PIL.Image.fromarray(pixels), "PNG", exif=exif.tobytes())
    expected = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(png))))
    found = decode(data).pixels
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 5


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


def test_the_transparent_shade_of_sixteen_bit_grey_stays_transparent() -> None:
    wide = (gradient()[..., 0].astype(np.uint16) * 257).astype(np.uint16)
    shade = int(wide[5, 5])
    image = decode(with_chunks(encoded(PIL.Image.fromarray(wide), "PNG"), (b"tRNS", shade.to_bytes(2, "big"))))
    assert image.alpha is not None
    assert np.array_equal(image.alpha == 0, wide == shade)


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


def test_a_telephones_jpeg_with_further_pictures_is_its_first_picture() -> None:
    frames = [PIL.Image.fromarray(gradient()), PIL.Image.fromarray(255 - gradient())]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    image = decode(data)
    assert image.format == "jpeg"
    assert np.abs(image.pixels.astype(int) - gradient()).mean() < 4


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


@pytest.mark.slow
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    """109 kB that would be 900 megapixels; in a fresh process, because only there memory can be told.

    Not by `ru_maxrss`: a child's begins at the peak of the process that started it (getrusage(2), execve(2)).
    """
    code = """
import sys
from mien_core.errors import ImageTooLarge
from mien_pipeline.evaluation.measures import memory_added
from mien_pipeline.media.decode import decode
data = sys.stdin.buffer.read()
def refuse():
    try:
        decode(data)
    except ImageTooLarge:
        return
    raise SystemExit("not refused")
print(memory_added(refuse))
"""
    done = subprocess.run([sys.executable, "-c", code], input=png_of(30_000, 30_000), capture_output=True, check=True)
    assert int(done.stdout) < 32 << 20
