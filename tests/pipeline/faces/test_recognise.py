"""The recogniser: dlib's own numbers without dlib, and no other file taken for its network."""

from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.recognise import CHIP_PX, DlibNetwork
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


def test_a_file_that_is_not_the_network_is_refused(models: ModelStore, tmp_path: Path) -> None:
    """Cut off in a layer, cut off before the last one, and something else altogether."""
    whole = models.path("identity-score").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[: whole.index(b"fc_2")], whole[:-200_000], b"anything"):
        (tmp_path / "weights.dat").write_bytes(damaged)
        with pytest.raises(ValueError, match="not dlib's face recognition network"):
            DlibEmbedder(tmp_path / "weights.dat")
