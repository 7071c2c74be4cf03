"""The reference is shown as a head on white, in its own proportions, filling nine tenths of a square."""

from dataclasses import replace

import numpy as np
import pytest

from mien_pipeline.engines.klein.head import head_mask
from mien_pipeline.engines.klein.reference_picture import FILLS, draw_reference
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Image


@pytest.fixture(scope="module")
def drawn(astronaut: Portrait) -> np.ndarray:
    return draw_reference(astronaut, 256)


def test_it_fills_nine_tenths_of_a_square_and_the_rest_is_white(drawn: np.ndarray) -> None:
    assert drawn.shape == (256, 256, 3)
    edge = round((1 - FILLS) / 2 * 256) - 1
    for side in (drawn[:edge], drawn[-edge:], drawn[:, :edge], drawn[:, -edge:]):
        assert (side == 255).all()


def test_the_face_keeps_its_proportions(drawn: np.ndarray, astronaut: Portrait, detector: MeshDetector) -> None:
    (face,) = detector.detect(Image(drawn))
    was = astronaut.face

    def proportion(face: Face) -> float:
        assert face.mesh is not None
        return float(np.ptp(face.mesh[:, 1])) / face_width(face.mesh)

    assert proportion(face) == pytest.approx(proportion(was), rel=0.05)


def test_hair_is_head_and_neck_and_background_are_not(astronaut: Portrait) -> None:
    image, face = astronaut
    mask = head_mask(image.pixels, face)
    x, y, width = float(face.bbox[[0, 2]].mean()), float(face.bbox[3]), float(face.bbox[2] - face.bbox[0])
    assert mask[int(face.bbox[1] - 0.25 * width), int(x)] > 0.9, "hair above the forehead"
    assert mask[int(y + 0.3 * width), int(x)] < 0.1, "the neck"
    assert mask[int(face.bbox[1]), int(face.bbox[0] - 0.9 * width)] < 0.1, "the background"
    assert mask[int(face.kps[2, 1]), int(face.kps[2, 0])] > 0.99, "the nose"


def test_a_mask_is_the_same_twice_and_needs_no_mesh(astronaut: Portrait) -> None:
    image, face = astronaut.image, replace(astronaut.face, mesh=None)
    first = head_mask(image.pixels, face)
    assert np.array_equal(first, head_mask(image.pixels, face))
    assert first[int(face.kps[2, 1]), int(face.kps[2, 0])] > 0.99
