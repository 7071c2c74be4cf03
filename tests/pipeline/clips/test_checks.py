"""The result is looked at where the source was; where no new face shows there, where one does."""

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest

from mien_pipeline.clips.checks import DueChecks, find_checks

PLANNED = [0, 30, 50, 80]


def look(first: int, stop: int, faces: Sequence[int], shown: Sequence[int]) -> list[int]:
    """The pictures that are looked at for a segment, of those with a new face."""
    due = DueChecks.begin(PLANNED, first, shown.__contains__)
    found = [number for number in range(first, stop) if due.take(number, has_new_face=number in faces)]
    left = due.find_left(stop, 90, shown.__contains__)
    return found + [number for number in left if due.take(number, has_new_face=number in faces)]


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


def test_what_could_not_be_looked_at_before_a_segment_ends_is_looked_at_in_the_next_by_the_first() -> None:
    late = range(43, 90)
    assert look(0, 36, late, range(90)) == [43]
    assert look(36, 40, late, range(90)) == []
    assert look(40, 90, late, range(90)) == [50, 80]
    assert look(0, 36, range(60, 90), range(90)) == []


def test_however_faces_come_and_fail_and_the_clip_is_cut_no_second_with_new_faces_goes_unseen() -> None:
    chance = random.Random(1)
    for _ in range(200):
        shown = [number for number in range(90) if chance.random() < 0.8]
        faces = [number for number in shown if chance.random() < chance.choice((0.05, 0.9))]
        edges = sorted({0, 90, *chance.sample(range(90), 4)})
        looked = {number for first, stop in pairwise(edges) for number in look(first, stop, faces, shown)}
        for first, stop in pairwise([*PLANNED, 90]):
            there = [number for number in faces if first <= number < stop]
            assert not there or there[0] in looked, (edges, shown, faces)
