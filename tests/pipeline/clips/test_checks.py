"""The result is looked at where the source was; where no new face shows there, where one does."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest

from mien_pipeline.clips.checks import DueChecks, find_checks

PLANNED = [0, 30, 50, 80]


def look(first: int, stop: int, faces: Sequence[int], shown: Sequence[int]) -> list[int]:
    """The pictures of a segment that are looked at, of those with a new face."""
    due = DueChecks.begin(PLANNED, first, shown.__contains__)
    return [number for number in range(first, stop) if due.take(number, has_new_face=number in faces)]


def test_each_shot_is_looked_at_and_each_second_of_it() -> None:
    assert find_checks(range(0, 900, 10), (0, 50), Fraction(1, 300)) == PLANNED
    assert find_checks([0, 40, 80, 1000, 1001, 2100], (0,), Fraction(1, 1000)) == [0, 3, 5]
    assert find_checks([7], (0,), Fraction(1, 25)) == [0]


@pytest.mark.parametrize("edges", [[0, 90], [0, 30, 90], [0, 29, 31, 60, 90], [0, 45, 90]])
def test_a_face_that_is_always_there_is_looked_at_once_a_second_however_the_clip_is_cut(edges: list[int]) -> None:
    always = range(90)
    found = [look(first, stop, always, always) for first, stop in pairwise(edges)]
    assert [number for segment in found for number in segment] == PLANNED


def test_a_face_that_comes_later_is_looked_at_when_it_comes() -> None:
    assert look(0, 90, range(41, 90), range(41, 90)) == [41, 50, 80]
    assert look(40, 90, range(41, 90), range(41, 90)) == [41, 50, 80]


def test_a_face_that_could_not_be_rendered_where_it_was_due_is_looked_at_where_it_is() -> None:
    assert look(0, 90, [*range(31, 50), *range(82, 90)], range(90)) == [31, 82]


def test_a_picture_without_a_new_face_is_not_looked_at() -> None:
    assert look(0, 90, (), range(90)) == []
