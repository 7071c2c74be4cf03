"""Light: a ratio image carries shading and colour cast, and no detail."""

import cv2
import numpy as np
import pytest

from mien_pipeline.image import Floats
from mien_pipeline.skin.light import blur, light_ratio

EVERYWHERE = np.ones((96, 96), np.float32)


def texture(seed: int, amount: float) -> Floats:
    return (0.3 * (1 + amount * np.random.default_rng(seed).standard_normal((96, 96, 3)))).clip(0.01, 1).astype("f4")


def test_a_face_takes_the_shading_and_the_cast_of_the_target() -> None:
    ramp = np.linspace(0.3, 1.0, 96, dtype=np.float32)[None, :, None] * np.array([1.0, 0.7, 0.4], np.float32)
    source, target = texture(0, 0.1), np.asarray(texture(1, 0.1) * ramp, np.float32)
    lit = source * light_ratio(source, target, EVERYWHERE, 10)
    assert np.allclose(lit[:, 8:24].mean((0, 1)), target[:, 8:24].mean((0, 1)), rtol=0.08)
    assert np.allclose(lit[:, 70:88].mean((0, 1)), target[:, 70:88].mean((0, 1)), rtol=0.08)
    assert np.corrcoef(lit.ravel() / (ramp * np.ones((96, 96, 1))).ravel(), source.ravel())[0, 1] > 0.9


def test_what_is_not_skin_has_no_say_in_the_light() -> None:
    """A black fringe on the target does not darken the forehead below it."""
    weight = EVERYWHERE.copy()
    weight[:40] = 0
    source = np.full((96, 96, 3), 0.3, np.float32)
    fringe = source.copy()
    fringe[:40] = 0.01
    assert np.allclose(light_ratio(source, fringe, weight, 8)[45:], 1, atol=0.02)


@pytest.mark.parametrize("sigma_px", [3.0, 9.0, 33.0])
@pytest.mark.parametrize("shape", [(190, 203, 3), (121, 250)])
def test_a_wide_blur_is_the_gaussian_within_half_a_percent(shape: tuple[int, ...], sigma_px: float) -> None:
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    values[: shape[0] // 2] += 1
    plain = cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    made = blur(values, sigma_px)
    assert made.shape == shape
    assert np.sqrt(np.square(made - plain).mean()) < 0.005 * 2
    assert np.abs(made - plain).max() < 0.02 * 2
