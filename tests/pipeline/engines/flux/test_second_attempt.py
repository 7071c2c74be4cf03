"""A second attempt is bolder near the target and calmer when guidance pulled the face away."""

import pytest

from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.second_attempt import adjust
from mien_pipeline.report import IdentityScores

SCORES = IdentityScores("fake", to_reference=0.6, to_target=0.1, before=0.0)


def test_a_result_that_is_the_reference_is_left_alone() -> None:
    assert adjust(FluxOptions(), SCORES) is None


def test_a_result_nearer_to_the_target_is_tried_again_more_boldly() -> None:
    again = adjust(FluxOptions(), IdentityScores("fake", 0.2, 0.5, 0.1))
    assert again is not None
    assert again.strength == pytest.approx(0.85)
    assert again.id_weight == pytest.approx(1.0)
    assert again.guidance_scale == FluxOptions().guidance_scale
    off = adjust(FluxOptions(id_weight=0.0), IdentityScores("fake", 0.2, 0.5, 0.1))
    assert off is not None
    assert off.id_weight == 0.0, "a method that is switched off stays off"


def test_a_result_pulled_away_by_guidance_is_tried_again_more_calmly() -> None:
    again = adjust(FluxOptions(true_cfg_scale=3.0), IdentityScores("fake", 0.05, 0.0, 0.2))
    assert again is not None
    assert again.true_cfg_scale == pytest.approx(2.25)
    assert again.guidance_scale < FluxOptions().guidance_scale
    assert again.strength == FluxOptions().strength
