"""A face that two networks see gets the better one's five points, and keeps its own where that one sees another."""

from collections.abc import Sequence

import numpy as np
import pytest

from mien_pipeline.face import Face, Kps
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.detection import Detection
from mien_pipeline.faces.points import PointedDetector
from mien_pipeline.image import Affine, Image, Pixels

SHAPE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
BLANK = Image(np.zeros((640, 640, 3), np.uint8))


def face_of(kps: Kps, roll_deg: float = 0.0) -> Face:
    return Face(np.array([*kps.min(0), *kps.max(0)], np.float32), 0.9, kps, roll_deg=roll_deg)


def at(left: float, top: float, side: float) -> Kps:
    return (SHAPE * side + [left, top]).astype(np.float32)


class Finds:
    """A finder that finds the same points in every picture, where the picture has them."""

    coarse_px = 640
    turned_score = 0.7

    def __init__(self, *seen: Kps) -> None:
        self.seen = seen
        self.looks: list[tuple[int, ...]] = []

    def find(self, pixels: Pixels, side_px: int) -> Sequence[Detection]:
        self.looks.append(pixels.shape)
        return [Detection(kps.mean(0), 50.0, kps, 0.9) for kps in self.seen]


class Known:
    def __init__(self, *faces: Face) -> None:
        self.faces = faces

    def detect(self, image: Image) -> Sequence[Face]:
        return self.faces


def test_each_face_gets_the_points_of_the_find_that_is_the_same_face() -> None:
    left, right = face_of(at(50, 100, 100)), face_of(at(300, 100, 100))
    finder = Finds(at(302, 103, 100), at(51, 98, 100))
    found = PointedDetector(Known(left, right), finder).detect(BLANK)
    assert np.array_equal(found[0].kps, finder.seen[1])
    assert np.array_equal(found[1].kps, finder.seen[0])
    assert finder.looks == [(640, 640, 3)], "one look at the whole picture"
    assert found[0].bbox is left.bbox


def test_points_of_something_else_are_not_taken() -> None:
    """The finder looks twice: at the picture, and at the face alone."""
    face = face_of(at(50, 100, 100))
    finder = Finds(at(50, 115, 100))
    (found,) = PointedDetector(Known(face), finder).detect(BLANK)
    assert found is face
    assert len(finder.looks) == 2


@pytest.mark.parametrize(("side", "degrees"), [(30.0, 0.0), (200.0, 45.0), (200.0, 180.0)])
def test_a_small_or_tilted_face_is_looked_at_alone_and_level(side: float, degrees: float) -> None:
    """What is found there comes back to where the face is."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 320], [np.sin(angle), np.cos(angle), 320]], np.float32)
    kps = transform(at(-side / 2, -side / 2, side), turn)
    # The points of an upright face whose eyes are where a level look has them.
    eyes = 90.0 / 0.4
    level = (SHAPE * eyes + [320 - 0.5 * eyes, 0.45 * 640 - 0.4 * eyes]).astype(np.float32)
    finder = Finds(level)
    (found,) = PointedDetector(Known(face_of(kps, degrees)), finder).detect(BLANK)
    assert found.kps is not kps
    assert np.abs(found.kps - kps).max() < 0.5
    assert len(finder.looks) == 1


def test_a_picture_without_a_face_is_not_looked_at_again() -> None:
    finder = Finds(at(50, 100, 100))
    assert PointedDetector(Known(), finder).detect(BLANK) == []
    assert finder.looks == []


def test_a_find_moves_with_its_points_and_size() -> None:
    move: Affine = np.array([[0, -2, 5], [2, 0, 7]], np.float32)
    moved = Detection(np.array([1, 1], np.float32), 10.0, at(0, 0, 10), 0.5).move(move)
    assert moved.side == pytest.approx(20)
    assert moved.centre.tolist() == [3, 9]
    assert np.allclose(moved.kps, transform(at(0, 0, 10), move))
    assert moved.bbox.tolist() == [-7, -1, 13, 19]
