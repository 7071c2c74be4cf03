"""A detector looks everywhere, finds come back to where they were in the picture, and one face counts once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_pipeline.face import Face
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.search import (
    TILE_OVERLAP_PX,
    TILE_PX,
    drop_duplicates,
    intersection_over_union,
    scale_by,
    shift_by,
    shrink_to,
    tile_starts,
    undo_quarter_turns,
)
from mien_pipeline.image import Floats


def box(*edges: float) -> Floats:
    return np.array(edges, np.float32)


def face(score: float, *edges: float) -> Face:
    return Face(box(*edges), score, np.zeros((5, 2), np.float32))


@given(length=st.integers(1, 9000))
def test_tiles_cover_every_length_and_overlap_enough_for_a_small_face(length: int) -> None:
    starts = tile_starts(length)
    assert starts[0] == 0
    assert starts[-1] + TILE_PX >= length
    assert starts[-1] == max(0, length - TILE_PX)
    assert all(after - before <= TILE_PX - TILE_OVERLAP_PX for before, after in pairwise(starts))


@pytest.mark.parametrize(("length", "tiles"), [(1024, 1), (1025, 2), (1920, 2), (1921, 3), (2816, 3)])
def test_there_are_no_more_tiles_than_needed(length: int, tiles: int) -> None:
    assert len(tile_starts(length)) == tiles


@pytest.mark.parametrize(
    ("size", "side_px", "expected"),
    [
        ((300, 400), 400, (300, 400)),
        ((300, 401), 400, (299, 400)),
        ((1200, 300), 100, (100, 25)),
        ((9, 4000), 20, (1, 20)),
    ],
)
def test_a_picture_is_shrunk_to_the_side_in_its_proportions(
    size: tuple[int, int], side_px: int, expected: tuple[int, int]
) -> None:
    assert shrink_to(np.zeros((*size, 3), np.uint8), side_px).shape == (*expected, 3)


def test_a_shrunken_picture_is_the_mean_of_the_whole_and_a_small_one_is_itself() -> None:
    checks = np.repeat((np.indices((960, 960)).sum(0) % 2 * 255)[..., None], 3, 2).astype(np.uint8)
    assert np.abs(shrink_to(checks, 90).astype(int) - 127).max() <= 1
    small = np.zeros((30, 20, 3), np.uint8)
    assert shrink_to(small, 30) is small


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_point_of_a_turned_picture_is_found_in_the_upright_one(quarters: int) -> None:
    picture = np.zeros((40, 70), np.uint8)
    picture[11, 52] = 1
    turned = np.rot90(picture, quarters)
    ((row, column),) = np.argwhere(turned)
    back = undo_quarter_turns(quarters, 70, 40)
    assert transform(np.array([[column, row]], np.float32), back).tolist() == [[52, 11]]


def test_a_point_of_a_tile_is_found_in_the_picture_and_at_its_size() -> None:
    point = np.array([[3, 5]], np.float32)
    assert transform(point, shift_by(100, 40)).tolist() == [[103, 45]]
    assert transform(point, scale_by(2.5)).tolist() == [[7.5, 12.5]]


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 4, 2), 1), ((2, 0, 6, 2), 1 / 3), ((3, 1, 7, 3), 1 / 15), ((4, 0, 8, 2), 0), ((9, 9, 10, 10), 0),
     ((1, 0, 2, 2), 1 / 4)],
)  # fmt: skip
def test_boxes_share_their_intersection_by_their_union(other: tuple[float, ...], expected: float) -> None:
    one = box(0, 0, 4, 2)
    assert intersection_over_union(one, box(*other)) == pytest.approx(expected)
    assert intersection_over_union(box(*other), one) == pytest.approx(expected)


def test_a_box_of_no_size_shares_nothing() -> None:
    assert intersection_over_union(box(1, 1, 1, 1), box(1, 1, 1, 1)) == 0


def test_of_finds_of_one_face_the_surest_stays() -> None:
    doubtful, sure, elsewhere = face(0.8, 0, 0, 10, 10), face(0.9, 1, 1, 11, 11), face(0.7, 30, 0, 40, 10)
    assert drop_duplicates([doubtful, sure, elsewhere]) == [sure, elsewhere]


def test_faces_that_overlap_less_are_two() -> None:
    one, other = face(0.9, 0, 0, 10, 10), face(0.8, 6, 0, 16, 10)  # a quarter of their union
    assert drop_duplicates([one, other]) == [one, other]


def test_boxes_within_a_tile_know_their_union_even_when_one_holds_the_other() -> None:
    assert drop_duplicates([face(0.8, 0, 0, 10, 10), face(0.9, 2, 2, 9, 9)])[0].det_score == 0.9
