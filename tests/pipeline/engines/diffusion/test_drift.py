"""The drift gate says which attempt is more the reference."""

from mien_pipeline.engines.diffusion.drift import is_better, is_nearer_to_target, is_pulled_away
from mien_pipeline.report import IdentityScores

SCORES = IdentityScores("fake", to_reference=0.6, to_target=0.1, before=0.0)


def test_the_attempt_that_is_more_the_reference_is_kept() -> None:
    assert is_better(IdentityScores("fake", 0.2, 0.5, 0.1), SCORES)
    assert not is_better(SCORES, IdentityScores("fake", 0.2, 0.5, 0.1))


def test_a_result_as_near_to_the_target_as_to_the_reference_counts_as_the_target() -> None:
    assert is_nearer_to_target(IdentityScores("fake", to_reference=0.3, to_target=0.3, before=0.0))
    assert not is_nearer_to_target(SCORES)


def test_a_result_is_pulled_away_when_the_untouched_target_was_more_the_reference() -> None:
    assert is_pulled_away(IdentityScores("fake", to_reference=0.1, to_target=0.0, before=0.2))
    assert not is_pulled_away(IdentityScores("fake", to_reference=0.2, to_target=0.0, before=0.2))


def test_of_two_equal_attempts_the_first_is_kept() -> None:
    assert not is_better(SCORES, SCORES)
