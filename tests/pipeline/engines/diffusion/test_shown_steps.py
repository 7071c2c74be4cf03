"""What is painted is shown while it is, rarely enough to cost little."""

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion.shown_steps import ShownSteps


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def straight(_latents: Tensor, _sigma: float, _step: int) -> Tensor:
    return torch.full((1, 4, 64), 2.0)


def test_a_step_shows_where_it_heads_and_at_most_two_a_second_are_shown() -> None:
    clock = Clock()
    shown, seen = ShownSteps(clock), list[float]()
    assert shown.watch(straight, lambda _latents: None) is straight, "with no listener nothing is in the way"
    shown.listener = lambda _target, _patch: None
    watched = shown.watch(straight, lambda latents: seen.append(float(latents.mean())))
    for step in range(20):
        assert torch.equal(watched(torch.full((1, 4, 64), 5.0), 0.5, step), straight(torch.empty(0), 0, 0))
        clock.now += 0.1
    assert seen == [4.0] * 4, "x − σ·v, in two seconds four times"


def test_a_slow_picture_is_shown_less_often() -> None:
    """Showing takes a tenth of the time at most."""
    clock = Clock()
    shown, seen = ShownSteps(clock), list[float]()
    shown.listener = lambda _target, _patch: None

    def show(_latents: Tensor) -> None:
        seen.append(clock.now)
        clock.now += 1

    watched = shown.watch(straight, show)
    for step in range(30):
        watched(torch.zeros(1, 4, 64), 0.5, step)
        clock.now += 1
    assert seen == [0, 11, 22]
