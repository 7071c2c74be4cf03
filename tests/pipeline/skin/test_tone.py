"""A grey or toned picture is noticed and keeps its tone; a picture in colour has none."""

import cv2
import numpy as np
import pytest

from mien_pipeline.image import Pixels
from mien_pipeline.skin.tone import find_tone
from mien_testing.portraits import Portrait


def grey_of(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def toned(pixels: Pixels, white: tuple[float, float, float]) -> Pixels:
    return np.asarray(np.round(grey_of(pixels) * np.array(white)), np.uint8)


def after_jpeg(pixels: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


@pytest.mark.parametrize("light", [1.0, 0.3])
def test_a_picture_in_colour_has_no_tone_however_dark(astronaut: Portrait, admiral: Portrait, light: float) -> None:
    for image, _ in (astronaut, admiral):
        assert find_tone((image.pixels * light).astype(np.uint8)) is None


def test_a_grey_picture_makes_grey(astronaut: Portrait, admiral: Portrait) -> None:
    tone = find_tone(grey_of(astronaut[0].pixels))
    assert tone is not None
    made = tone.apply(admiral[0].pixels)
    assert np.ptp(made, axis=2).max() == 0
    assert np.array_equal(made, grey_of(admiral[0].pixels))


@pytest.mark.parametrize("quality", [100, 75])
@pytest.mark.parametrize("white", [(1.0, 0.92, 0.8), (0.85, 0.92, 1.0)])
def test_a_toned_picture_makes_its_own_tone(
    astronaut: Portrait, admiral: Portrait, white: tuple[float, float, float], quality: int
) -> None:
    tone = find_tone(after_jpeg(toned(astronaut[0].pixels, white), quality))
    assert tone is not None
    made, own = tone.apply(toned(admiral[0].pixels, (1, 1, 1))), toned(admiral[0].pixels, white)
    channels = [picture.reshape(-1, 3).mean(0) / picture.mean() for picture in (made, own)]
    assert np.abs(channels[0] - channels[1]).max() < 0.03
