"""Blending promises: a mask of 0 keeps the target's bits, a mask of 1 shows the crop, and between them is no edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.face import Patch
from mien_pipeline.faces.align import warp
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.skin.blend import blend_bands, paste_back

SHIFT = np.array([[1, 0, -20], [0, 1, -10]], np.float32)


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def disc(side: int, feather: float) -> Floats:
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    return np.asarray(np.clip((side * 0.4 - np.hypot(rows, columns)) / feather, 0, 1), np.float32)


def test_an_empty_mask_gives_the_very_target_back() -> None:
    target = Image(noise(80, 120))
    result = paste_back(target, Patch(noise(40, 40, 1), SHIFT, np.zeros((40, 40), np.float32)))
    assert np.array_equal(result.pixels, target.pixels)


@settings(deadline=None, max_examples=25)
@given(
    angle=st.floats(-0.6, 0.6),
    scale=st.floats(0.4, 2.5),
    x=st.floats(-40, 60),
    y=st.floats(-40, 40),
    feather=st.floats(1, 12),
)
def test_pixels_outside_the_mask_are_the_targets_bit_for_bit(
    angle: float, scale: float, x: float, y: float, feather: float
) -> None:
    """Wherever the patch lies, also half outside the picture."""
    target, mask = Image(noise(100, 140)), disc(64, feather)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    affine = np.array([[cos, -sin, x], [sin, cos, y]], np.float32)
    before = target.pixels.copy()
    result = paste_back(target, Patch(noise(64, 64, 1), affine, mask))
    assert np.array_equal(target.pixels, before)
    rows, columns = np.indices((100, 140))
    inside = np.stack([columns, rows, np.ones_like(rows)], -1) @ affine.T.astype(np.float64)
    distance = np.hypot(inside[..., 0] - 31.5, inside[..., 1] - 31.5)
    untouched = distance > 64 * 0.4 + 2 + 2 * scale
    assert np.array_equal(result.pixels[untouched], target.pixels[untouched])


def test_a_hard_mask_with_a_whole_pixel_shift_copies_the_crop_as_it_is() -> None:
    target, crop = Image(noise(80, 120)), noise(40, 40, 1)
    mask = (disc(40, 1) > 0).astype(np.float32)
    result = paste_back(target, Patch(crop, SHIFT, mask)).pixels[10:50, 20:60]
    assert np.array_equal(result[mask > 0], crop[mask > 0])
    assert np.array_equal(result[mask == 0], target.pixels[10:50, 20:60][mask == 0])


def test_what_belongs_to_the_picture_but_not_to_its_pixels_is_kept() -> None:
    target = Image(noise(80, 120), alpha=np.full((80, 120), 9, np.uint8), icc_profile=b"profile", format="webp")
    result = paste_back(target, Patch(noise(40, 40, 1), SHIFT, disc(40, 5)))
    assert (result.icc_profile, result.format, result.alpha is target.alpha) == (b"profile", "webp", True)


def test_two_plain_colours_meet_without_an_edge() -> None:
    base, top = np.full((128, 128, 3), 90, np.uint8), np.full((128, 128, 3), 130, np.uint8)
    mixed = blend_bands(base, top, disc(128, 4)).astype(int)
    assert mixed[64, 64].tolist() == [130, 130, 130]
    assert mixed[2, 2].tolist() == [90, 90, 90]
    assert np.abs(np.diff(mixed[64, :, 0])).max() < 12


def test_blending_a_picture_with_itself_changes_nothing() -> None:
    picture = noise(90, 70)
    assert np.array_equal(blend_bands(picture, picture, disc(90, 5)[:, :70]), picture)


def test_a_plain_colour_fades_in_over_16_px_and_fine_detail_at_once() -> None:
    """Each frequency has a seam of its own width: a hard edge shows neither as a line nor as blurred skin."""
    mask = np.zeros((128, 256), np.float32)
    mask[:, 128:] = 1
    base = np.full((128, 256, 3), 90, np.uint8)
    plain = np.full_like(base, 150)
    checks = np.repeat((60 + 60 * (np.indices((128, 256)).sum(0) % 2))[..., None], 3, 2).astype(np.uint8)
    colour = (blend_bands(base, plain, mask)[64, 128:, 0] - 90.0) / 60
    detail = np.abs(blend_bands(base, checks, mask)[64, 128:, 0] - 90.0) / 30
    assert detail[2:].min() > 0.95
    assert colour[:16].max() < 0.95
    assert colour[32:].min() > 0.95


def test_nothing_from_outside_the_mask_leaks_in() -> None:
    """What the crop shows where its mask is 0 has no say anywhere."""
    base, mask = noise(96, 96), disc(96, 6)
    top = noise(96, 96, 1)
    other = np.where((mask > 0)[..., None], top, 255 - top)
    assert np.array_equal(blend_bands(base, top, mask), blend_bands(base, other, mask))


def test_a_mask_of_one_shows_the_crop_everywhere() -> None:
    top = noise(64, 80, 1)
    assert np.array_equal(blend_bands(noise(64, 80), top, np.ones((64, 80), np.float32)), top)


def test_without_levels_a_mask_mixes_pixel_by_pixel() -> None:
    base, top, mask = np.full((20, 20, 3), 40, np.uint8), np.full((20, 20, 3), 200, np.uint8), disc(20, 5)
    mixed = blend_bands(base, top, mask, levels=0)
    assert np.abs(mixed - (40 + 160 * mask[..., None])).max() <= 0.5


def test_a_tiny_mask_is_mixed_and_does_not_fail() -> None:
    base, top = np.full((5, 9, 3), 40, np.uint8), np.full((5, 9, 3), 200, np.uint8)
    half = np.full((5, 9), 0.5, np.float32)
    assert (blend_bands(base, top, half) == 120).all()


@pytest.mark.parametrize(("x", "y"), [(-20, -10), (90, 50), (30, 20)])
def test_a_patch_that_reaches_beyond_the_picture_is_cut_off_there(x: int, y: int) -> None:
    """Both ways of pasting: copied by whole pixels, and blended with a soft mask."""
    target, crop = Image(noise(80, 120)), noise(40, 40, 1)
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    rows, columns = slice(max(y, 0), min(y + 40, 80)), slice(max(x, 0), min(x + 40, 120))
    inside = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
    expected = target.pixels.copy()
    expected[rows, columns] = crop[inside]
    hard = paste_back(target, Patch(crop, shift, np.ones((40, 40), np.float32))).pixels
    assert np.array_equal(hard, expected)
    soft = paste_back(target, Patch(crop, shift, np.full((40, 40), 0.999, np.float32))).pixels
    assert np.abs(soft.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("x", "y"), [(500, 0), (120, 10), (10, 80), (-40, 10), (10, -40)])
def test_a_patch_beside_the_picture_changes_nothing(x: int, y: int) -> None:
    """Also one that only touches it."""
    target = Image(noise(80, 120))
    beside = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    assert paste_back(target, Patch(noise(40, 40, 1), beside, np.ones((40, 40), np.float32))) is target


def test_a_patch_shows_where_its_mask_is_and_nowhere_else() -> None:
    """A small part of a wide crop, far from its corners."""
    target, crop = Image(noise(80, 120)), noise(30, 60, 1)
    mask = np.zeros((30, 60), np.float32)
    mask[5:11, 40:56] = 1
    expected = target.pixels.copy()
    expected[15:21, 60:76] = crop[5:11, 40:56]
    assert np.array_equal(paste_back(target, Patch(crop, SHIFT, mask)).pixels, expected)


def test_a_crop_of_twice_the_size_lands_where_it_was_cut_out() -> None:
    """What an engine hands back unchanged, at its own resolution, is the target again where the mask is 1."""
    y, x = np.mgrid[:80, :120]
    target = Image(np.stack([x * 2, y * 3, x + y], 2).astype(np.uint8))
    affine = np.array([[2, 0, -40.5], [0, 2, -21]], np.float32)
    crop = warp(target.pixels, affine, (64, 64), cubic=True)
    marked = np.clip(crop.astype(int) + 20, 0, 255).astype(np.uint8)
    result = paste_back(target, Patch(marked, affine, disc(64, 10))).pixels.astype(int)
    row, column = 27, 36  # the middle of the crop
    assert np.abs(result[row, column] - target.pixels[row, column] - 20).max() <= 2
    changed = np.argwhere((result != target.pixels).any(2))
    assert np.abs(changed.mean(0) - [(31.5 + 21) / 2, (31.5 + 40.5) / 2]).max() < 0.6
