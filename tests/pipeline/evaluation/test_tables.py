"""Numbers promise: pairs are compared with themselves, and a difference is called one only where n can tell."""

import numpy as np
import pytest

from mien_pipeline.evaluation.tables import FEWEST_PAIRS, bootstrap, differences, summarise, value_of, worst
from mien_testing.evaluation import line


def test_an_interval_holds_the_mean_and_narrows_with_n() -> None:
    drawn = np.random.default_rng(1).normal(0.1, 0.05, 40)
    few, many = bootstrap(drawn[:8]), bootstrap(drawn)
    for found in (few, many):
        assert found.low < found.mean < found.high
    assert many.high - many.low < few.high - few.low
    # Of a normal mean the interval is about 1.96 σ / √n on both sides.
    assert (many.high - many.low) / 2 == pytest.approx(1.96 * drawn.std() / 40**0.5, rel=0.15)


def test_a_difference_needs_pairs_and_an_interval_without_zero() -> None:
    assert bootstrap(np.full(FEWEST_PAIRS, 0.1)).is_one
    assert not bootstrap(np.full(FEWEST_PAIRS - 1, 0.1)).is_one
    assert not bootstrap(np.array([0.1, -0.1] * FEWEST_PAIRS)).is_one
    assert not bootstrap(np.empty(0)).is_one
    assert str(bootstrap(np.empty(0))) == "no pairs"


def test_only_what_both_have_is_compared() -> None:
    """By seed, target and reference; a refused case has no pair."""
    ones = [line(seed=seed, margin=0.5) for seed in range(3)]
    others = [line(seed=1, margin=0.2), line(seed=2, margin=0.4), line(seed=7, margin=-1)]
    found = differences(ones, others, "margin")
    assert found.pairs == 2
    assert found.mean == pytest.approx(0.2)
    assert differences(ones, [line(seed=1, margin=None)], "margin").pairs == 0


def test_a_row_has_the_mean_and_the_range_of_finished_cases_and_counts_the_others() -> None:
    lines = [
        line(seed=0, likeness=0.4),
        line(seed=1, likeness=0.8, faults=["edge"]),
        {**line(seed=2), "state": "refused", "identity": None},
        line(series="other"),
    ]
    first, second = summarise(lines)
    assert (first.n, first.refused, first.faulty, first.series) == (2, 1, 1, "")
    assert first.measures["identity.to_reference"] == pytest.approx((0.6, 0.4, 0.8))
    assert (second.n, second.series) == (1, "other")


def test_the_worst_come_first_and_what_was_not_measured_does_not_count() -> None:
    lines = [line(seed=seed, naturalness=value) for seed, value in enumerate((0.9, 0.0, None, 0.4))]
    assert [each["seed"] for each in worst(lines, "naturalness", 2)] == [1, 3]
    assert value_of(lines[2], "naturalness") is None
    assert value_of(lines[0], "identity.recogniser") is None
    assert value_of(lines[0], "identity.nothing.there") is None
