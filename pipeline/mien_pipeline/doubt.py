"""Whether a finished face is likely to look bad: a rule of five figures, fitted to what graders said of results.

What is left after a second attempt is seldom bad skin: it is a beard on a face that had none, ragged lips, eyes that
are not where they were meant to be. The less of the target changed the rarer that is, so likeness to it counts too.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import exp
from typing import NamedTuple

from mien_pipeline.report import Fault, IdentityScores
from mien_pipeline.skin.naturalness import Naturalness


class Term(NamedTuple):
    """One figure of the rule.

    Attributes:
        mean, deviation: of the figure among the graded results. It counts by its distance from the mean in deviations,
            `_FURTHEST` at most.
        weight: of that, in logarithms of the odds.
        fault: what is named where the figure speaks against a result.
    """

    mean: float
    deviation: float
    weight: float
    fault: Fault | None = None


# A logistic rule fitted on 348 results of `mesh` (108 bad) and, each at a fifth of the weight, 196 of the engine
# before; ridge of 5. Two more figures were of the reference's lips, which most results no longer show.
RULE: Mapping[str, Term] = {
    "to_target": Term(0.67, 0.21, -0.78),
    "beard_kept": Term(0.11, 0.31, -0.86),
    "landmarks": Term(0.036, 0.021, 0.29, "landmarks"),
    "shade": Term(0.007, 0.045, 0.43, "beard"),
    "lips": Term(0.18, 0.48, 0.46, "mouth"),
}
_BIAS, _FURTHEST = -0.98, 3.0
# From here on a result is announced. Of 134 results (19 bad) 16 are, 5 of them rightly: see `pipeline/README.md`.
LINE = -0.25
# Naturalness below which a face is announced whatever the rule says: figures so far off were hardly among the graded.
_CERTAIN = 0.2
_NAMED = 0.35  # logarithms of the odds from which a fault is named beside the greatest


def weigh(naturalness: Naturalness, scores: IdentityScores, *, beard_kept: bool) -> Naturalness:
    """What is said of a finished face once its likeness is known: 0.5 at the line, faults only from there down.

    The rule holds for engines that say what they meant, and for the recogniser it was fitted with; of others
    `naturalness` stays as it is.
    """
    if naturalness.looks is None or scores.recogniser.startswith("arcface"):
        return naturalness
    figures = {**naturalness.looks._asdict(), "to_target": scores.to_target, "beard_kept": float(beard_kept)}
    doubts = {name: _count(term, figures[name]) for name, term in RULE.items()}
    total = _BIAS + sum(doubts.values())
    score, certain = 1 / (1 + exp(total - LINE)), naturalness.score < _CERTAIN
    named = _name_faults(doubts) if total >= LINE else ()
    faults = dict.fromkeys((*naturalness.faults, *named)) if named or certain else {}
    return replace(naturalness, score=min(score, naturalness.score) if certain else score, faults=tuple(faults))


def _count(term: Term, figure: float) -> float:
    off = (figure - term.mean) / term.deviation
    return term.weight * min(max(off, -_FURTHEST), _FURTHEST)


def _name_faults(doubts: Mapping[str, float]) -> tuple[Fault, ...]:
    """The fault that weighs most, and every other that weighs enough."""
    sums: dict[Fault, float] = {}
    for name, doubt in doubts.items():
        if fault := RULE[name].fault:
            sums[fault] = sums.get(fault, 0.0) + doubt
    least = min(_NAMED, max(sums.values()))
    return tuple(fault for fault, doubt in sums.items() if doubt >= least)
