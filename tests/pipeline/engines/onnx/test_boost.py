"""Boost promises: more pixels where the network agrees with itself, and no grid where it does not."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.onnx.boost import join, split
from mien_pipeline.image import Floats, Pixels

SIDE = 60  # holds whole waves


def draw(times: int) -> Pixels:
    """A smooth picture with waves that are one and a half pixels of the network long, which its side does not hold."""
    y, x = np.mgrid[: SIDE * times, : SIDE * times].astype(np.float32)
    smooth = 120 + 60 * np.sin(2 * np.pi * x / len(x)) * np.cos(2 * np.pi * y / len(y))
    waves = 25 * np.sin(2 * np.pi * (x + y) / (1.5 * times))
    return np.repeat(np.clip(smooth + waves, 0, 255)[..., None], 3, 2).astype(np.uint8)


def grid_of(values: Floats, times: int) -> float:
    """How far the means of the parts are from each other: the grid that is seen. Whole waves have no mean."""
    means = [values[row::times, column::times].mean() for row in range(times) for column in range(times)]
    return float(np.ptp(means))


def as_floats(pictures: list[Pixels]) -> list[Floats]:
    return [each.astype(np.float32) for each in pictures]


@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_network_that_changes_nothing_gives_the_crop_back(times: int) -> None:
    crop = draw(times)
    joined = join(as_floats(split(crop, times)), times)
    inside = slice(4 * times, -4 * times)
    assert joined.shape == crop.shape
    assert np.abs(joined - crop)[inside, inside].mean() < 4
    fine = crop - cv2.GaussianBlur(crop.astype(np.float32), (0, 0), times)
    kept = joined - cv2.GaussianBlur(joined, (0, 0), times)
    assert np.corrcoef(fine[inside, inside].ravel(), kept[inside, inside].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("times", [2, 3, 4])
def test_answers_that_differ_in_brightness_leave_no_grid(times: int) -> None:
    """Plain interleaving would show all of the difference."""
    rng = np.random.default_rng(times)
    small, *parts = as_floats(split(draw(times), times))
    shifted = [part + np.float32(shift) for part, shift in zip(parts, rng.uniform(-12, 12, len(parts)), strict=True)]
    plain = np.empty((SIDE * times, SIDE * times, 3), np.float32)
    for place, part in enumerate(shifted):
        plain[place // times :: times, place % times :: times] = part
    assert grid_of(plain, times) > 8
    assert grid_of(join([small, *shifted], times), times) < 0.5


def test_every_part_is_of_the_networks_side_and_the_first_is_not_aliased() -> None:
    """Waves that its side does not hold are averaged away in the first, and alias in the parts."""
    small, *parts = split(draw(3), 3)
    assert {each.shape for each in (small, *parts)} == {(SIDE, SIDE, 3)}
    assert len(parts) == 9
    smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 3)
    rough = cv2.GaussianBlur(parts[0].astype(np.float32), (0, 0), 3)
    assert np.abs(small - smooth).mean() < 0.5 * np.abs(parts[0] - rough).mean()
