"""The drift gate says which attempt is more the reference."""

from mien_pipeline.engines.diffusion.drift import is_better
from mien_pipeline.report import IdentityScores

SCORES = IdentityScores("fake", to_reference=0.6, to_target=0.1, before=0.0)


def test_the_attempt_that_is_more_the_reference_is_kept() -> None:
    assert is_better(IdentityScores("fake", 0.2, 0.5, 0.1), SCORES)
    assert not is_better(SCORES, IdentityScores("fake", 0.2, 0.5, 0.1))
