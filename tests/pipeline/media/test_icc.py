"""Profiles as numbers: what a result may carry, and nothing in it that a reader could recognise a person by."""

import io

import numpy as np
import PIL.ImageCms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.media.icc import (
    SRGB_CURVE,
    SRGB_MATRIX,
    Curve,
    RgbSpace,
    is_public,
    read_rgb_space,
    space_from_chromaticities,
    space_of,
    write_profile,
)
from mien_testing.profiles import (
    DISPLAY_P3,
    exchanging_profile,
    grey_profile,
    inverting_profile,
    of_class,
    profile,
    srgb_profile,
    tables_profile,
    with_words,
)

P3_XY = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)


def test_what_is_written_reads_back_and_littlecms_agrees() -> None:
    written = write_profile(DISPLAY_P3)
    space = read_rgb_space(written)
    assert space is not None
    assert np.abs(space.matrix - DISPLAY_P3.matrix).max() < 1e-4
    opened = PIL.ImageCms.ImageCmsProfile(io.BytesIO(written))
    assert "Display P3" in PIL.ImageCms.getProfileDescription(opened)


def test_chromaticities_give_the_published_matrix() -> None:
    assert np.abs(space_from_chromaticities(P3_XY, SRGB_CURVE).matrix - DISPLAY_P3.matrix).max() < 2e-3


@pytest.mark.parametrize("xy", [(0.0,) * 8, (0.3, 0.3) * 4, (float("nan"),) * 8, (1e9,) * 8])
def test_chromaticities_of_no_space_are_refused(xy: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="no "):
        space_from_chromaticities(xy, SRGB_CURVE)


@pytest.mark.parametrize(
    "curve",
    [Curve(0, (2.2,)), Curve(1, (2.2, 1.0, 0.0)), Curve(4, (2.4, 0.948, 0.052, 0.077, 0.04, 0.0, 0.0))],
)
def test_a_displays_curve_is_plain(curve: Curve) -> None:
    assert RgbSpace(SRGB_MATRIX, (curve, curve, curve)).is_plain


def test_srgb_is_known_as_such_from_any_maker() -> None:
    for made in (srgb_profile(), profile()):
        space = read_rgb_space(made)
        assert space is not None
        assert space.is_srgb
    assert not DISPLAY_P3.is_srgb


@pytest.mark.parametrize(
    "made",
    [
        exchanging_profile(),
        inverting_profile(),
        profile(SRGB_MATRIX[:, [1, 2, 0]]),
        profile(curve=Curve(0, (9.0,))),
        profile(curve=Curve(0, (3.5,))),
        profile(curve=Curve(0, (1.0,))),
        profile(curve=Curve(0, (0.1,))),
        profile(curve=Curve(None, (0.0, 1.0, 0.0, 1.0))),
        profile(SRGB_MATRIX * 0.5),
        profile(-SRGB_MATRIX),
    ],
)
def test_a_profile_under_which_pixels_look_different_is_not_plain(made: bytes) -> None:
    space = read_rgb_space(made)
    assert space is not None
    assert not space.is_plain


def test_tables_beside_plain_primaries_are_not_primaries() -> None:
    assert read_rgb_space(tables_profile(profile())) is None
    assert read_rgb_space(tables_profile()) is None


@pytest.mark.parametrize("kind", [b"link", b"nmcl", b"abst", b"????"])
def test_a_profile_of_no_picture_describes_none(kind: bytes) -> None:
    assert space_of(of_class(kind)) is None


def test_a_profile_names_its_colour_space_and_other_bytes_name_none() -> None:
    assert space_of(srgb_profile()) == b"RGB "
    assert space_of(grey_profile(Curve(0, (2.2,)))) == b"GRAY"
    assert space_of(b"no profile at all, though it is long enough") is None
    assert space_of(b"") is None
    assert space_of(None) is None


def test_well_known_words_are_public_and_others_are_not() -> None:
    assert is_public(srgb_profile())
    assert is_public(write_profile(DISPLAY_P3))
    for words in ("Anna's iMac", "sRGB of Anna", "Display P3 4711"):
        assert not is_public(with_words(profile(), words))


@pytest.mark.parametrize("place", [4, 48, 52, 80, 84, 100, 124])
def test_a_header_has_no_room_for_words(place: int) -> None:
    made = bytearray(srgb_profile())
    made[place : place + 4] = b"ANNA"
    assert not is_public(bytes(made))


def test_bytes_that_no_tag_owns_are_not_public() -> None:
    assert not is_public(srgb_profile() + b"Anna was here, in Rome")
    assert not is_public(srgb_profile()[:-40])


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 423), value=st.integers(0, 255), length=st.integers(1, 424))
def test_damaged_profiles_raise_nothing(place: int, value: int, length: int) -> None:
    damaged = bytearray(profile())
    damaged[place % len(damaged)] = value
    for data in (bytes(damaged), bytes(damaged[:length])):
        space_of(data)
        is_public(data)
        if space := read_rgb_space(data):
            assert space.is_plain in {True, False}
