"""Hands are found where there are some, and a face alone is none."""

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.face import Portrait
from mien_pipeline.faces.hands import PALM_SCORE, SMALLEST_FACE_PX, HandFinder
from mien_pipeline.image import Floats
from mien_testing.portraits import mesh_of


@pytest.fixture(scope="module")
def finder(models: ModelStore) -> HandFinder:
    return HandFinder(
        models.read("covers", "palm_detection_lite.tflite"), models.read("covers", "hand_landmark_lite.tflite")
    )


def test_a_face_alone_shows_no_hand(finder: HandFinder, astronaut: Portrait, admiral: Portrait) -> None:
    for portrait in (astronaut, admiral):
        assert finder.find(portrait.image.pixels, mesh_of(portrait)) == []


def test_a_face_of_a_few_pixels_is_not_searched(finder: HandFinder, astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    tiny = (mesh * (SMALLEST_FACE_PX - 1) / np.ptp(mesh[:, :2], axis=0).max()).astype(np.float32)
    assert finder.find(astronaut.image.pixels, tiny) == []


class Network:
    """A network that answers what it was told to."""

    def __init__(self, **outputs: Floats) -> None:
        self.outputs = outputs

    def setInput(self, blob: Floats) -> None:  # noqa: N802 - OpenCV's name
        self.blob = blob

    def forward(self, names: list[str]) -> list[Floats]:
        return [self.outputs[name] for name in names]


def answer(finder: HandFinder, monkeypatch: pytest.MonkeyPatch, palms: dict[int, float], hand: float) -> None:
    """Make the networks find a palm at each anchor with its score, upright in the crop, and a hand in each with one."""
    scores, boxes = np.full((1, 2016, 1), -20, np.float32), np.zeros((1, 2016, 9, 2), np.float32)
    for anchor, score in palms.items():
        scores[0, anchor, 0] = np.log(score / (1 - score))
        boxes[0, anchor, 1] = (40, 40)
        boxes[0, anchor, 2], boxes[0, anchor, 4] = (0, 20), (0, -20)  # the wrist below the middle finger's knuckle
    middle = np.full((1, 63), 112, np.float32)
    monkeypatch.setattr(finder, "_palm", Network(Identity_1=scores, Identity=boxes.reshape(1, 2016, 18)))
    monkeypatch.setattr(finder, "_landmarks", Network(Identity=middle, Identity_1=np.array([[hand]], np.float32)))


def test_a_palm_counts_when_its_hand_is_sure(
    finder: HandFinder, astronaut: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mesh = astronaut.image, mesh_of(astronaut)
    for palm, hand, found in ((0.9, 0.9, 1), (0.9, 0.5, 0), (PALM_SCORE - 0.1, 0.9, 0)):
        answer(finder, monkeypatch, {600: palm}, hand)
        assert len(finder.find(image.pixels, mesh)) == found


def test_finds_that_overlap_are_one_hand(
    finder: HandFinder, astronaut: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(finder, monkeypatch, {600: 0.9, 601: 0.8, 602: 0.7, 0: 0.9}, 0.9)
    assert len(finder.find(astronaut.image.pixels, mesh_of(astronaut))) == 2


def test_joints_lie_half_a_palm_towards_the_fingers(
    finder: HandFinder, astronaut: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle of the landmark network's crop is above an upright palm; 600 is the cell in column 12, row 12."""
    mesh = mesh_of(astronaut)
    answer(finder, monkeypatch, {600: 0.9}, 0.9)
    (joints,) = finder.find(astronaut.image.pixels, mesh)
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    pixel = float((high - low).max()) * 2.6 / 192
    expected = (low + high) / 2 + (np.array([12.5 * 8, 12.5 * 8 - 20]) - 96) * pixel
    assert np.allclose(joints, expected, atol=0.02 * 192 * pixel)
