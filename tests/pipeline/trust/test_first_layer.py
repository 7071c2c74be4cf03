"""The folded network says of every picture what the file's own network says."""

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.trust.content import self_test_picture
from mien_pipeline.trust.first_layer import fold_first_layer, fold_pixels

pytestmark = pytest.mark.slow


def load(onnx: bytes) -> cv2.dnn.Net:
    return cv2.dnn.readNetFromONNX(np.frombuffer(onnx, np.uint8), cv2.dnn.ENGINE_CLASSIC)


def answer(network: cv2.dnn.Net, view: Floats) -> Floats:
    network.setInput(np.ascontiguousarray(view[None]))
    return np.array(network.forward(), np.float32)


def test_it_says_of_every_picture_what_the_files_own_network_says(
    models: ModelStore, photographs: Mapping[str, Pixels]
) -> None:
    """To a hundred-thousandth, of pictures that pass, of one that is blocked, and of mixtures of both."""
    onnx = models.path("content-check").read_bytes()
    plain, folded = load(onnx), load(fold_first_layer(onnx))
    blocked = np.ascontiguousarray(self_test_picture(256)[16:-16, 16:-16])
    scores = [0.0]
    for picture in photographs.values():
        square = np.asarray(cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA), np.uint8)
        for share in (0.0, 0.5, 0.8, 1.0):
            mixed = cv2.addWeighted(blocked, share, square, 1 - share, 0)[..., ::-1] - np.float32(110)
            said = answer(plain, mixed)
            assert np.abs(answer(folded, fold_pixels(mixed)) - said).max() < 1e-5
            scores.append(float(said[0, 1]))
    assert np.histogram(scores, 4, (0, 1))[0].min() > 0, "sure and unsure answers are among them"


def test_each_pixel_of_a_square_is_where_the_weights_expect_it() -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)
    folded = fold_pixels(pixels)
    assert folded.shape == (2, 3, 12)
    for row, column in np.ndindex(4, 6):
        place = 3 * (2 * (row % 2) + column % 2)
        assert (folded[row // 2, column // 2, place : place + 3] == pixels[row, column]).all()


def test_another_file_is_not_folded() -> None:
    with pytest.raises(ValueError, match="not found"):
        fold_first_layer(b"another network" * 100)
