"""YuNet's finds are in the pixels of the picture, whatever size the network saw it at."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.yunet import YuNet
from mien_testing.portraits import Portrait


@pytest.mark.parametrize("side_px", [320, 512, 1280])
def test_a_find_lies_where_the_face_is(models: ModelStore, astronaut: Portrait, side_px: int) -> None:
    """A picture that is smaller than the side is not enlarged."""
    image, face = astronaut
    (found,) = YuNet(models.read("face-detection")).find(image.pixels, side_px)
    eyes = float(np.linalg.norm(face.kps[1] - face.kps[0]))
    assert np.linalg.norm(found.kps - face.kps, axis=1).max() < 0.25 * eyes
    assert np.abs(found.centre - (face.bbox[:2] + face.bbox[2:]) / 2).max() < 0.5 * eyes
    assert found.det_score > 0.7


def test_threads_may_ask_at_once(models: ModelStore, astronaut: Portrait) -> None:
    """Small pictures share one network, large ones another."""
    finder, pixels = YuNet(models.read("face-detection")), astronaut[0].pixels
    larger = np.ascontiguousarray(np.repeat(np.repeat(pixels, 2, 0), 2, 1))
    asked = [(pixels, 320), (larger, 1024), (pixels, 512), (larger, 320)]
    alone = [finder.find(*each)[0].kps for each in asked]
    with ThreadPoolExecutor(len(asked)) as threads:
        begun = [threads.submit(finder.find, *each) for each in asked]
        together = [each.result()[0].kps for each in begun]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
