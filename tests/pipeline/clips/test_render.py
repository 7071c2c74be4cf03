"""Engines look at a few pictures of a segment, where a face changes, and where something passes; else they are told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mien_pipeline.clips.analysis import TrackPlan
from mien_pipeline.clips.looks import LOOK_EVERY, SCORE_EVERY, SCORED, find_around, find_looks, find_scored
from mien_pipeline.clips.steadiness import plan_shares


def track(first: int, shares: Sequence[float], stirred: Sequence[int] = (), drifted: Sequence[int] = ()) -> TrackPlan:
    nothing: Any = np.zeros(len(shares), np.bool_)
    moved, changed = (np.isin(np.arange(len(shares)), places) for places in (stirred, drifted))
    meshes = np.zeros((len(shares), 468, 3), np.float32)
    return TrackPlan(0, first, meshes, np.asarray(shares, np.float32), nothing, nothing, moved, changed)


def test_a_face_that_stays_as_it_is_is_looked_at_where_a_segment_begins_and_where_the_next_does() -> None:
    calm = track(5, [1.0] * 90)
    assert [find_looks(calm, first, first + 40, 60) for first in (0, 40, 80)] == [[5, 40], [40, 80], [80, 94]]
    assert find_looks(track(7, [1.0]), 0, 40, 60) == [7]


def test_of_large_pictures_fewer_wait_for_the_next_look() -> None:
    assert find_looks(track(5, [1.0] * 90), 10, 60, 24) == [10, 34, 58, 60]


def test_around_where_a_face_comes_to_look_otherwise_it_is_looked_at_more_often() -> None:
    """A lock that falls over a cheek in half a second is where it is, and not half of it over all of the segment."""
    assert LOOK_EVERY == 12
    assert find_looks(track(5, [1.0] * 90, drifted=[30]), 5, 80, 80) == [5, 29, 41, 80]


def test_where_something_comes_before_a_face_every_picture_is_looked_at() -> None:
    """A post that passes in a third of a second lies between two looks; what it covers was painted over."""
    hidden: Any = np.zeros(40, np.bool_)
    hidden[18:22] = True
    looks = find_looks(track(0, plan_shares(hidden, opens=False, closes=False).tolist()), 0, 40, 60)
    assert looks == [0, *range(13, 18), *range(22, 27), 39]


def test_where_something_small_passes_every_picture_is_looked_at_too() -> None:
    assert find_looks(track(5, [1.0] * 19, stirred=(3, 4)), 0, 40, 60) == [5, 8, 9, 23]


@pytest.mark.parametrize(
    ("number", "around"),
    [(5, (5, 5)), (6, (5, 13)), (12, (5, 13)), (13, (13, 13)), (22, (21, 23)), (23, (23, 23))],
)
def test_a_picture_lies_between_two_that_were_looked_at(number: int, around: tuple[int, int]) -> None:
    assert find_around([5, 13, 21, 23], number) == around


def test_a_hidden_face_needs_no_look() -> None:
    assert find_looks(track(0, [0.0] * 5), 0, 5, 60) == []
    assert find_around([], 3) == (3, 3)
    assert [find_around([8, 9], number) for number in (3, 12)] == [(3, 3), (12, 12)]


def test_likeness_is_measured_a_few_times_a_track_where_it_shows_the_whole_swap() -> None:
    shares = plan_shares(np.isin(np.arange(100), range(10)), opens=False, closes=False).tolist()
    scored = sorted(find_scored(track(3, shares)))
    assert SCORED <= len(scored) <= SCORED + 1
    assert min(shares[place] for place in scored) == 1
    assert sorted(find_scored(track(0, [1.0] * 1000))) == list(range(0, 1000, SCORE_EVERY))
    assert find_scored(track(0, [0.5] * 3)) == frozenset()
