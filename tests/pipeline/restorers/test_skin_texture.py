"""Skin texture promises: bands that add up, missing energy and no more, nothing where there is no light."""

import cv2
import numpy as np
import pytest

from mien_pipeline.restorers.skin_texture import (
    BAND_SHARE,
    LEAST_LEFT,
    NATURAL_SKIN,
    add_detail,
    find_missing_texture,
    fine_detail,
    luminance_of,
    share_left,
    split_bands,
    synthesise,
)

WIDTH = 120.0  # of the face, in pixels
SKIN = np.ones((96, 96), np.float32)


def noise(deviation: float, level: float = 128.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (level + np.random.default_rng(3).normal(0, deviation, (96, 96))).astype(np.float32)


def test_grey_has_its_own_code_value_and_green_is_the_lightest() -> None:
    grey, red, green, blue = luminance_of(np.array([[[90] * 3, [200, 0, 0], [0, 200, 0], [0, 0, 200]]], np.uint8))[0]
    assert grey == pytest.approx(90)
    assert green > red > blue


def test_bands_add_up_to_what_a_blur_as_wide_as_the_last_takes_away() -> None:
    """The finest first; each is one octave."""
    luminance = noise(10)
    found = split_bands(luminance, WIDTH)
    assert len(found) == len(NATURAL_SKIN)
    spread = [float(band.std()) for band in found]
    assert spread == sorted(spread, reverse=True), "white noise has the most energy where it is finest"
    assert sum(band.std() ** 2 for band in found) < luminance.std() ** 2


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.2, 1.6])
def test_what_a_blur_left_is_told_from_the_two_finest_bands(sigma: float) -> None:
    """Equal energy in every octave, through a lens, blurred: each band's loss is found, and never more than that."""
    frequencies = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
    white = np.fft.rfft2(np.random.default_rng(1).normal(size=(256, 256)))
    lens = np.exp(-2 * np.square(np.pi * 0.5 * frequencies)) * (frequencies < 0.5)
    sharp = np.fft.irfft2(white / np.maximum(frequencies, 1 / 64) * lens).astype(np.float32)
    sharp *= np.float32(40 / sharp.std())
    soft = np.asarray(cv2.GaussianBlur(sharp, (0, 0), sigma), np.float32) if sigma else sharp
    before, after = ([float(band.std()) for band in split_bands(each, WIDTH)] for each in (sharp, soft))
    for found, left, whole in zip(share_left(after), after, before, strict=True):
        assert left / whole - 0.12 <= found <= left / whole + 0.2


def test_smoothing_is_not_undone_without_end_nor_where_there_is_one_band() -> None:
    assert min(share_left([0.3, 1.0, 2.0])) >= LEAST_LEFT
    assert share_left([0.3]) == [1.0]
    assert share_left([3.0, 2.0, 1.0]) == pytest.approx([1.0, 1.0, 1.0])


def test_a_small_face_has_fewer_bands() -> None:
    assert [len(split_bands(noise(5), width)) for width in (20, 60, 120)] == [1, 2, 3]


def test_fine_detail_has_no_light_or_shape_in_it() -> None:
    ramp = np.tile(np.linspace(0, 200, 96, dtype=np.float32), (96, 1))
    assert np.abs(fine_detail(ramp, WIDTH)[20:-20, 20:-20]).max() < 0.1


def test_waxen_skin_gets_natural_skins_energy_and_rough_skin_gets_little() -> None:
    wax, rough = noise(0.05), noise(12)
    added = [float(find_missing_texture(each, SKIN, WIDTH)[16:-16, 16:-16].std()) for each in (wax, rough)]
    expected = float(np.sqrt(sum((share * want) ** 2 for share, want in zip(BAND_SHARE, NATURAL_SKIN, strict=True))))
    assert added[0] == pytest.approx(expected, rel=0.35)
    assert added[1] < added[0] / 2


@pytest.mark.parametrize("level", [0.0, 255.0])
def test_nothing_is_added_where_there_is_no_light_or_only_light(level: float) -> None:
    assert not find_missing_texture(np.full((96, 96), level, np.float32), SKIN, WIDTH).any()


def test_a_face_with_next_to_no_skin_gets_nothing() -> None:
    speck = np.zeros((96, 96), np.float32)
    speck[40:47, 40:47] = 1
    assert not find_missing_texture(noise(0.05), speck, WIDTH).any()


def test_the_same_skin_gets_the_same_texture() -> None:
    assert np.array_equal(synthesise(noise(4), SKIN, WIDTH), synthesise(noise(4), SKIN, WIDTH))


def test_detail_changes_light_and_no_colour_difference_and_stays_in_range() -> None:
    pixels = np.array([[[10, 60, 110], [250, 252, 255], [3, 2, 1]]], np.uint8)
    made = add_detail(pixels, np.array([[8.0, 20.0, -20.0]], np.float32), 0.5)
    assert made[0].tolist() == [[14, 64, 114], [255, 255, 255], [0, 0, 0]]


def test_synthesised_texture_has_its_patchs_spectrum() -> None:
    """Stripes every six pixels in the skin come back as energy at that period, in every place alike."""
    rng = np.random.default_rng(3)
    stripes = 12 * np.sin(np.arange(160) * 2 * np.pi / 6)[None, :] + rng.normal(0, 1, (160, 160))
    made = synthesise((128 + stripes).astype(np.float32), np.ones((160, 160), np.float32), 160.0)
    spectrum = np.abs(np.fft.rfft2(made))[:4].sum(0)
    assert abs(int(spectrum[5:].argmax()) + 5 - 160 / 6) < 3
    assert made[:, :80].std() == pytest.approx(made[:, 80:].std(), rel=0.2)
