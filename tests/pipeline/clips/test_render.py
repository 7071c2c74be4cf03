"""Engines look at every twelfth picture of a track, and where a swap fades or something passes; else they are told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mien_pipeline.clips.analysis import TrackPlan
from mien_pipeline.clips.render import LOOK_EVERY, SCORE_EVERY, SCORED, find_around, find_looks, find_scored
from mien_pipeline.clips.steadiness import plan_shares


def track(first: int, shares: Sequence[float], stirred: Sequence[int] = ()) -> TrackPlan:
    nothing: Any = np.zeros(len(shares), np.bool_)
    moved: Any = np.isin(np.arange(len(shares)), stirred)
    meshes = np.zeros((len(shares), 468, 3), np.float32)
    return TrackPlan(0, first, meshes, np.asarray(shares, np.float32), nothing, nothing, moved)


def test_a_track_is_looked_at_now_and_then_and_at_its_end() -> None:
    assert LOOK_EVERY == 12
    assert find_looks(track(5, [1.0] * 19)) == [5, 17, 23]
    assert find_looks(track(7, [1.0])) == [7]


def test_where_something_comes_before_a_face_every_picture_is_looked_at() -> None:
    """A post that passes in a third of a second lies between two looks; what it covers was painted over."""
    hidden: Any = np.zeros(40, np.bool_)
    hidden[18:22] = True
    looks = find_looks(track(0, plan_shares(hidden, opens=False, closes=False).tolist()))
    assert looks == [0, *range(12, 18), *range(22, 27), 36, 39]


def test_where_something_small_passes_every_picture_is_looked_at_too() -> None:
    assert find_looks(track(5, [1.0] * 19, stirred=(3, 4))) == [5, 8, 9, 17, 23]


@pytest.mark.parametrize(
    ("number", "around"),
    [(5, (5, 5)), (6, (5, 13)), (12, (5, 13)), (13, (13, 13)), (22, (21, 23)), (23, (23, 23))],
)
def test_a_picture_lies_between_two_that_were_looked_at(number: int, around: tuple[int, int]) -> None:
    assert find_around([5, 13, 21, 23], number) == around


def test_a_hidden_face_needs_no_look() -> None:
    assert find_looks(track(0, [0.0] * 5)) == []
    assert find_around([], 3) == (3, 3)
    assert [find_around([8, 9], number) for number in (3, 12)] == [(3, 3), (12, 12)]


def test_likeness_is_measured_a_few_times_a_track_where_it_shows_the_whole_swap() -> None:
    shares = plan_shares(np.isin(np.arange(100), range(10)), opens=False, closes=False).tolist()
    scored = sorted(find_scored(track(3, shares)))
    assert SCORED <= len(scored) <= SCORED + 1
    assert min(shares[place] for place in scored) == 1
    assert sorted(find_scored(track(0, [1.0] * 1000))) == list(range(0, 1000, SCORE_EVERY))
    assert find_scored(track(0, [0.5] * 3)) == frozenset()
