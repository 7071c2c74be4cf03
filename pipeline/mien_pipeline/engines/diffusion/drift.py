"""The drift gate: is the result the reference, or still the target?

The recogniser that answers is one that no network of the stack was conditioned on.
"""

from mien_pipeline.report import IdentityScores


def is_nearer_to_target(scores: IdentityScores) -> bool:
    """True when the result is at least as like the target as it is like the reference."""
    return scores.to_target >= scores.to_reference


def is_pulled_away(scores: IdentityScores) -> bool:
    """True when the result is less like the reference than the untouched target was."""
    return scores.to_reference < scores.before


def is_better(first: IdentityScores, second: IdentityScores) -> bool:
    """True when the second attempt is nearer to the reference, each measured from the target."""
    return second.to_reference - second.to_target > first.to_reference - first.to_target
