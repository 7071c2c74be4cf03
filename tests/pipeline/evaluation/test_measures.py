"""Measures promise: a limit that is kept or missed at its own value, medians, ratios taken in turns."""

import mmap

import pytest

from mien_pipeline.evaluation.measures import Row, memory_added, ratio, resident_bytes, seconds


@pytest.mark.parametrize(
    ("value", "at_least", "holds"),
    [(1.9, False, True), (2.0, False, True), (2.1, False, False), (1.9, True, False), (2.0, True, True)],
)
def test_a_limit_is_kept_at_its_own_value_and_missed_beyond(value: float, at_least: bool, holds: bool) -> None:
    assert Row("x", value, "s", 2.0, at_least).holds is holds


def test_a_figure_without_a_limit_only_reports() -> None:
    assert Row("x", 1e9, "s").holds


def test_a_ratio_is_the_median_of_turns_and_the_first_turn_does_not_count() -> None:
    clock, calls = [0.0], list[str]()
    costs = {"run": iter([99.0, 4.0, 8.0, 180.0]), "unit": iter([99.0, 2.0, 2.0, 2.0])}

    def work(name: str) -> None:
        calls.append(name)
        clock[0] += next(costs[name])

    found = ratio(lambda: work("run"), lambda: work("unit"), times=3, clock=lambda: clock[0])
    assert found == 4.0
    assert calls == ["run", "unit", "unit", "run", "unit", "run", "unit", "run"]


def test_seconds_are_taken_five_times_after_a_first_run_that_does_not_count() -> None:
    calls: list[int] = []
    assert 0 <= seconds(lambda: calls.append(1)) < 1
    assert len(calls) == 6


def test_resident_memory_is_told_in_bytes() -> None:
    assert resident_bytes() > 10 << 20


def test_memory_that_was_given_back_before_the_end_counts() -> None:
    """Pages of a new mapping: the allocator may have as many left from an earlier test, and those would not count."""
    size = 64 << 20

    def use() -> None:
        with mmap.mmap(-1, size) as pages:
            pages[::4096] = b"x" * (size // 4096)

    assert memory_added(use) > size // 2
