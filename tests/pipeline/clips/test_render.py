"""Engines look at every eighth picture of a track, and each segment knows the same of its pictures as any other cut."""

from typing import Any

import numpy as np
import pytest

from mien_pipeline.clips.analysis import TrackPlan
from mien_pipeline.clips.render import LOOK_EVERY, _looks_around


def track(first: int, count: int) -> TrackPlan:
    nothing: Any = np.zeros(count, np.bool_)
    return TrackPlan(0, first, np.zeros((count, 468, 3), np.float32), np.ones(count, np.float32), nothing, nothing)


@pytest.mark.parametrize(
    ("number", "around"),
    [(5, (5, 5)), (6, (5, 13)), (12, (5, 13)), (13, (13, 13)), (22, (21, 23)), (23, (23, 23))],
)
def test_a_picture_lies_between_two_that_were_looked_at(number: int, around: tuple[int, int]) -> None:
    assert LOOK_EVERY == 8
    assert _looks_around(track(5, 19), number) == around


def test_a_track_of_one_picture_is_looked_at_there() -> None:
    assert _looks_around(track(7, 1), 7) == (7, 7)
