"""Caps, ear-rings and hands are drawn where they are worn and held, and nowhere else."""

import cv2
import numpy as np
import pytest

from mien_pipeline.evaluation.accessories.covers import draw_hand
from mien_pipeline.evaluation.accessories.worn import draw_cap, draw_ear_rings
from mien_pipeline.faces.topology import OVAL
from mien_pipeline.image import Pixels
from mien_testing.portraits import Portrait, mesh_of


def drawn(before: Pixels, after: Pixels, by: int = 24) -> Pixels:
    return np.asarray(np.abs(before.astype(int) - after).max(2) > by, np.uint8)


def test_a_cap_hides_the_hair_above_the_brows_alone(astronaut: Portrait) -> None:
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    rows, _ = np.nonzero(drawn(pixels, draw_cap(pixels, mesh)))
    assert rows.max() < mesh[159, 1]
    assert rows.min() < mesh[10, 1]


def test_ear_rings_hang_on_both_sides_below_the_eyes(astronaut: Portrait) -> None:
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    rows, columns = np.nonzero(drawn(pixels, draw_ear_rings(pixels, mesh)))
    assert rows.min() > mesh[159, 1]
    assert columns.min() < mesh[132, 0]
    assert columns.max() > mesh[361, 0]
    assert not np.any((columns > mesh[50, 0]) & (columns < mesh[280, 0]))


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_a_hand_hides_as_much_of_a_face_as_is_asked(astronaut: Portrait, share: float) -> None:
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(mesh[list(OVAL), :2]).astype(np.int32)), (1,))
    hidden = drawn(pixels, draw_hand(pixels, mesh, share), by=8)
    assert (hidden * inside).sum() / inside.sum() == pytest.approx(share, abs=0.15)
    assert draw_hand(pixels, mesh, 0) is pixels
