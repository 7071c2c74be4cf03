"""Blending promises: a mask of 0 keeps the target's bits, a mask of 1 shows the crop, and between them is no edge."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.face import Patch
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
