"""Sampling promises: a straight path is walked exactly, kept pixels come back, guidance costs a pass only when on."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mien_core.errors import Cancelled
from mien_pipeline.sampling import add_noise, denoise, inpaint, noise_like, schedule, true_cfg

SHAPE = (1, 12, 64)


def clean_and_noise() -> tuple[Tensor, Tensor]:
    return noise_like(torch.empty(SHAPE), 1), noise_like(torch.empty(SHAPE), 2)


class Counting:
    """A velocity that never changes and says how often it was asked."""

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.calls = 0

    def __call__(self, latents: Tensor, sigma: float, step: int) -> Tensor:
        self.calls += 1
        return self.value.expand_as(latents)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.floats(0.01, 0.99), max_size=8, unique=True))
def test_a_straight_path_lands_on_the_image_whatever_the_schedule(cuts: list[float]) -> None:
    clean, noise = clean_and_noise()
    sigmas = [1.0, *sorted(cuts, reverse=True), 0.0]
    landed = denoise(lambda latents, sigma, step: noise - clean, noise, sigmas)
    torch.testing.assert_close(landed, clean, atol=1e-5, rtol=0)


def test_the_schedule_is_the_one_flux_was_published_with() -> None:
    """Compared with diffusers' scheduler, for the size-dependent schedule and for schnell's."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    for tokens, shifted in ((1024, True), (4096, True), (4096, False)):
        theirs: Any = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=shifted)
        mu = 0.5 + 0.65 * (tokens - 256) / 3840
        theirs.set_timesteps(sigmas=np.linspace(1.0, 1 / 28, 28), mu=mu if shifted else None)
        assert schedule(28, tokens, shifted=shifted) == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("steps", "strength", "taken"),
    [
        (28, 1.0, 28),
        (28, 0.75, 21),
        (10, 0.24, 2),
        (10, 0.25, 3),
        (10, 0.26, 3),
        (13, 0.42, 5),
        (4, 0.5, 2),
        (3, 0.5, 2),
        (5, 0.5, 3),
        (10, 0.95, 10),
        (10, 0.94, 9),
        (10, 0.05, 1),
        (10, 0.04, 1),
        (1, 0.01, 1),
    ],
)
def test_strength_takes_the_nearest_number_of_steps_and_a_half_is_rounded_up(
    steps: int, strength: float, taken: int
) -> None:
    assert len(schedule(steps, 1024, strength)) - 1 == taken


@pytest.mark.parametrize("shifted", [True, False])
def test_a_weaker_run_is_the_tail_of_the_full_one(shifted: bool) -> None:
    full = schedule(20, 4096, shifted=shifted)
    for strength, taken in ((0.3, 6), (0.55, 11), (0.8, 16)):
        assert schedule(20, 4096, strength, shifted) == full[-taken - 1 :]


def test_schnell_walks_in_even_steps_whatever_the_size() -> None:
    for tokens in (256, 1024, 4096):
        assert schedule(4, tokens, shifted=False) == [1.0, 0.75, 0.5, 0.25, 0.0]


@pytest.mark.parametrize(("tokens", "mu"), [(256, 0.5), (4096, 1.15), (2176, 0.825)])
def test_the_middle_of_a_run_is_shifted_by_the_line_through_two_published_sizes(tokens: int, mu: float) -> None:
    """At half of the steps, e^mu / (e^mu + 1): a 256 px picture at mu 0.5 and a 1024 px one at 1.15."""
    assert schedule(2, tokens)[1] == pytest.approx(math.exp(mu) / (math.exp(mu) + 1), abs=1e-12)


def test_no_level_is_above_pure_noise_at_any_size() -> None:
    """Unclamped, floating point gives 1 + 2e-16 for some sizes."""
    assert max(schedule(1, tokens)[0] for tokens in range(16, 8193)) == 1.0


@given(steps=st.integers(1, 60), strength=st.floats(0.01, 1.0), tokens=st.integers(16, 8192))
def test_every_schedule_falls_to_zero_and_takes_at_least_one_step(steps: int, strength: float, tokens: int) -> None:
    sigmas = schedule(steps, tokens, strength)
    assert 2 <= len(sigmas) <= steps + 1
    assert sigmas[-1] == 0.0
    assert all(before > after for before, after in pairwise(sigmas))
    assert sigmas[0] <= 1.0
    assert schedule(steps, tokens)[0] == pytest.approx(1.0)


def test_an_euler_step_moves_by_the_velocity_times_the_change_of_level() -> None:
    """From 1 with velocity 1 + σ + step: −0.25 · 2, then −0.75 · 2.75."""
    seen: list[tuple[float, int]] = []
    told: list[tuple[int, int]] = []

    def model(latents: Tensor, sigma: float, step: int) -> Tensor:
        seen.append((sigma, step))
        return torch.full_like(latents, 1 + sigma + step)

    landed = denoise(model, torch.ones(SHAPE), [1.0, 0.75, 0.0], lambda done, total: told.append((done, total)))
    torch.testing.assert_close(landed, torch.full(SHAPE, 1 - 0.25 * 2 - 0.75 * 2.75))
    assert seen == [(1.0, 0), (0.75, 1)]
    assert told == [(1, 2), (2, 2)]


def test_the_path_from_image_to_noise_is_straight() -> None:
    clean, noise = torch.full(SHAPE, 8.0), torch.full(SHAPE, 4.0)
    assert torch.equal(add_noise(clean, noise, 0.0), clean)
    assert torch.equal(add_noise(clean, noise, 1.0), noise)
    assert torch.equal(add_noise(clean, noise, 0.25), torch.full(SHAPE, 7.0))


def test_a_token_that_is_kept_in_part_moves_in_part() -> None:
    """Mask 0.25: a quarter of the model's velocity, three quarters of (x − x₀) / σ."""
    clean, latents = torch.full(SHAPE, 1.0), torch.full(SHAPE, 3.0)
    velocity = inpaint(Counting(torch.full((1,), 8.0)), clean, torch.full((12, 1), 0.25))
    assert torch.equal(velocity(latents, 0.5, 0), torch.full(SHAPE, 0.25 * 8 + 0.75 * (3 - 1) / 0.5))


def test_inpainting_equals_noising_and_blending_after_every_step() -> None:
    """The reference loop re-noises the kept picture and blends it in, as flow inpainting is written elsewhere."""
    clean, noise = clean_and_noise()
    mask = (torch.arange(12) % 3 == 0).float().view(12, 1)
    sigmas = schedule(8, 12, 0.7)

    def model(latents: Tensor, sigma: float, step: int) -> Tensor:
        return torch.tanh(latents) * (1 + sigma) + 0.1 * step

    start = add_noise(clean, noise, sigmas[0])
    latents = start
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        latents = latents + (following - sigma) * model(latents, sigma, step)
        latents = mask * latents + (1 - mask) * add_noise(clean, noise, following)
    walked = denoise(inpaint(model, clean, mask), start, sigmas)
    torch.testing.assert_close(walked, latents, atol=2e-5, rtol=0)


def test_kept_tokens_come_back_and_the_others_are_free() -> None:
    clean, noise = clean_and_noise()
    mask = torch.zeros(12, 1)
    mask[3] = 1.0
    sigmas = schedule(5, 12, 0.8)
    start = add_noise(clean, noise, sigmas[0])
    result = denoise(inpaint(Counting(torch.ones(1)), clean, mask), start, sigmas)
    torch.testing.assert_close(result[:, mask[:, 0] == 0], clean[:, mask[:, 0] == 0], atol=1e-5, rtol=0)
    assert not torch.allclose(result[:, 3], clean[:, 3], atol=0.1)


def test_true_guidance_of_one_makes_one_pass_and_above_one_two() -> None:
    one, other = Counting(torch.full((1,), 5.0)), Counting(torch.full((1,), 2.0))
    latents = torch.zeros(SHAPE)
    true_cfg(one, other, 1.0)(latents, 1.0, 0)
    assert (one.calls, other.calls) == (1, 0)
    guided = true_cfg(one, other, 3.0)(latents, 1.0, 0)
    assert (one.calls, other.calls) == (2, 1)
    assert torch.equal(guided, torch.full(SHAPE, 2.0 + 3.0 * (5.0 - 2.0)))
    assert torch.equal(true_cfg(one, other, 0.5)(latents, 1.0, 0), torch.full(SHAPE, 3.5))


def pulid_steps(steps: int, true_cfg_scale: float, timestep_to_start_cfg: int) -> list[int]:
    """Passes with the negative prompt at each step, by the rule in `denoise` of PuLID's flux/sampling.py."""
    use_true_cfg = abs(true_cfg_scale - 1.0) > 1e-2
    return [int(use_true_cfg and step >= timestep_to_start_cfg) for step in range(steps)]


@pytest.mark.parametrize("scale", [1.0, 1.005, 0.995, 1.02, 4.0])
@pytest.mark.parametrize("start", [0, 1, 3, 5, 9])
def test_true_guidance_starts_at_the_step_at_which_pulid_starts_it(scale: float, start: int) -> None:
    """Steps before it are the prompt's own; a scale within a hundredth of 1 is off."""
    one, other = Counting(torch.full((1,), 5.0)), Counting(torch.full((1,), 2.0))
    guided = true_cfg(one, other, scale, start)
    negatives: list[int] = []
    for step in range(5):
        before = other.calls
        made = guided(torch.zeros(SHAPE), 0.5, step)
        negatives.append(other.calls - before)
        wanted = 2.0 + scale * 3.0 if negatives[-1] else 5.0
        torch.testing.assert_close(made, torch.full(SHAPE, wanted))
    assert negatives == pulid_steps(5, scale, start)
    assert one.calls == 5


def test_whatever_the_listener_raises_ends_the_walk_at_its_step() -> None:
    model = Counting(torch.ones(1))

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 2:
            raise Cancelled("stopped by the person")

    with pytest.raises(Cancelled):
        denoise(model, torch.zeros(SHAPE), schedule(6, 12), stop)
    assert model.calls == 2


def test_the_same_seed_draws_the_same_noise() -> None:
    like = torch.empty(SHAPE)
    assert torch.equal(noise_like(like, 7), noise_like(like, 7))
    assert not torch.equal(noise_like(like, 7), noise_like(like, 8))
    assert torch.equal(noise_like(like.to(torch.bfloat16), 7), noise_like(like, 7).to(torch.bfloat16))
    generator = torch.Generator("cpu").manual_seed(7)
    assert torch.equal(noise_like(like, 7), torch.randn(SHAPE, generator=generator))
