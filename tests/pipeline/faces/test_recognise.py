"""The recogniser: dlib's own numbers without dlib, and no other file taken for its network."""

from typing import Any

import cv2
import dlib
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.recognise import CHIP_PX, Convolution, DlibNetwork
from mien_pipeline.faces.score import DlibEmbedder
from mien_testing.portraits import Portrait


@pytest.mark.parametrize("blur_px", [0, 2, 9])
def test_the_recogniser_says_what_dlib_says(models: ModelStore, astronaut: Portrait, blur_px: int) -> None:
    weights = models.path("identity-score")
    compiled: Any = dlib  # it hides the names it re-exports from type checkers
    chip = np.asarray(cv2.resize(astronaut[0].pixels, (CHIP_PX, CHIP_PX), interpolation=cv2.INTER_AREA), np.uint8)
    if blur_px:
        chip = np.asarray(cv2.GaussianBlur(chip, (0, 0), blur_px), np.uint8)
    theirs = np.array(compiled.face_recognition_model_v1(str(weights)).compute_face_descriptor(chip))
    assert np.allclose(DlibNetwork(weights.read_bytes())(chip), theirs, rtol=0, atol=2e-6)


def test_a_file_that_is_not_the_network_is_refused(models: ModelStore) -> None:
    """Cut off in a layer, cut off before the last one, and something else altogether."""
    whole = models.path("identity-score").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[: whole.index(b"fc_2")], whole[:-200_000], b"anything"):
        with pytest.raises(ValueError, match="not dlib's face recognition network"):
            DlibEmbedder(damaged)


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (3, 2), (7, 2)])
def test_a_convolution_is_the_sum_over_its_window(side: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((12, 15, 2)).astype(np.float32)
    kernel, shift = rng.standard_normal((side * side * 2, 3)).astype(np.float32), np.array([1, -2, 0.5], np.float32)
    found = Convolution(kernel, shift, side, stride)(x)
    if stride == 1:
        assert found.shape[:2] == x.shape[:2]
        x = np.pad(x, ((side // 2, side // 2), (side // 2, side // 2), (0, 0)))
    for row, column in ((0, 0), (2, 1), (found.shape[0] - 1, found.shape[1] - 1)):
        window = x[row * stride : row * stride + side, column * stride : column * stride + side]
        assert np.allclose(found[row, column], window.reshape(-1) @ kernel + shift, atol=1e-4)
    assert found.shape == ((x.shape[0] - side) // stride + 1, (x.shape[1] - side) // stride + 1, 3)
