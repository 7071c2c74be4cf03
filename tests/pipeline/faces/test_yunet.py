"""YuNet's finds are in the pixels of the picture, whatever size the network saw it at."""

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
