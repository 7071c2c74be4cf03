"""FLUX.2's noise levels are its own scheduler's, to the last bit, and nothing larger than its line is made."""

from typing import Any

import numpy as np
import pytest
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from mien_pipeline.engines.klein.schedule import MOST_PIXELS, MOST_TOKENS, push, schedule


@pytest.mark.parametrize("steps", [1, 4, 8, 30])
@pytest.mark.parametrize("tokens", [24, 1024, 2304, 4096])
def test_the_levels_are_those_of_its_scheduler(steps: int, tokens: int) -> None:
    scheduler: Any = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    mu = compute_empirical_mu(tokens, steps)
    assert push(tokens, steps) == pytest.approx(mu, abs=1e-12)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    assert schedule(steps, tokens) == scheduler.sigmas.tolist()


def test_four_steps_have_the_published_levels() -> None:
    assert schedule(4, 4096) == pytest.approx([1, 0.967, 0.908, 0.767, 0], abs=1e-3)


def test_beyond_the_line_the_noise_falls_off_and_the_largest_canvas_is_not_beyond_it() -> None:
    assert push(MOST_TOKENS + 1, 4) < push(MOST_TOKENS, 4) - 1
    assert MOST_PIXELS // 256 <= MOST_TOKENS
