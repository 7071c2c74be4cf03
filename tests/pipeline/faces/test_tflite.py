"""Networks are loaded from the bytes that were hashed, and leave no file behind."""

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.tflite import load_tflite


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_network_shows_both_of_its_outputs(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_memory: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    network = load_tflite(models.read("face-mesh"))
    network.setInput(np.zeros((1, 3, 192, 192), np.float32))
    points, flag = network.forward(["conv2d_20", "conv2d_30"])
    assert (np.size(points), np.size(flag)) == (3 * 468, 1)
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_are_refused() -> None:
    with pytest.raises(cv2.error):
        load_tflite(b"no network")
