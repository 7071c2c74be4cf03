"""Networks are loaded from the bytes that were hashed, in the engine that shows all of their outputs."""

import os

import cv2
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.tflite import load_tflite


def test_a_network_shows_both_of_its_outputs_each_time_it_is_loaded(models: ModelStore) -> None:
    before = dict(os.environ)
    for _ in range(2):
        network = load_tflite(models.read("face-mesh"))
        network.setInput(np.zeros((1, 3, 192, 192), np.float32))
        points, flag = network.forward(["conv2d_20", "conv2d_30"])
        assert (np.size(points), np.size(flag)) == (3 * 468, 1)
    assert dict(os.environ) == before


def test_loading_writes_no_file(models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's cage would refuse it."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError("the cage")

    weights = models.read("face-mesh")
    for name in ("open", "memfd_create", "mkdir"):
        monkeypatch.setattr(os, name, refuse, raising=False)
    load_tflite(weights)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(cv2.error):
        load_tflite(b"no network")
