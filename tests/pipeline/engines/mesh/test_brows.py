"""Brows of a texture promise: each is one side's, whole, and what hangs before one is not taken for it."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.brows import find_foreign_brows, take_brows_whole
from mien_pipeline.faces.topology import LEFT_BROW, OVAL, RIGHT_BROW
from mien_pipeline.image import Mask, Pixels

SIDE = 2 * WORK_SIDE
SKIN, BROWN, AUBURN, GREY, CYAN, LEAF = (
    (200, 160, 140), (70, 50, 40), (140, 80, 50), (120, 118, 116), (30, 170, 185), (40, 120, 40))  # fmt: skip


def enlarge(mask: Pixels) -> Mask:
    return np.asarray(cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), np.float32)


def draw_face(left: tuple[int, int, int], right: tuple[int, int, int]) -> Pixels:
    colour = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    colour[enlarge(fill_texture(LEFT_BROW)) > 0], colour[enlarge(fill_texture(RIGHT_BROW)) > 0] = left, right
    return colour


@pytest.mark.parametrize(
    ("before", "hidden"), [(BROWN, False), (AUBURN, False), (GREY, False), (CYAN, True), (LEAF, True)]
)
def test_what_has_a_hue_that_no_hair_has_hides_a_brow_and_hair_does_not(
    before: tuple[int, int, int], hidden: bool
) -> None:
    lost = find_foreign_brows(draw_face(before, BROWN), enlarge(fill_texture(OVAL)))
    left, right = (float(lost[enlarge(fill_texture(ring)) > 0].mean()) for ring in (LEFT_BROW, RIGHT_BROW))
    assert left == pytest.approx(float(hidden), abs=0.05)
    assert right < 0.01


def test_nothing_is_hidden_where_no_skin_shows() -> None:
    assert not find_foreign_brows(draw_face(CYAN, CYAN), np.zeros((SIDE, SIDE), np.float32)).any()


@pytest.mark.parametrize(("seen", "own"), [(0.1, 0), (0.7, 1)])
def test_a_brow_is_its_own_sides_or_the_others_and_never_of_both(seen: float, own: int) -> None:
    clear = np.ones((SIDE, SIDE), np.float32)
    left = enlarge(fill_texture(LEFT_BROW)) > 0
    clear[left] = seen
    mixed = np.full((SIDE, SIDE), 0.5, np.float32)
    whole = take_brows_whole(mixed, clear)
    assert np.abs(whole[left] - own).max() < 0.05
    assert np.abs(whole[enlarge(fill_texture(RIGHT_BROW)) > 0] - 1).max() < 0.05
    assert whole[SIDE - 20, SIDE // 2] == 0.5
