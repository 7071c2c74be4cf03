"""What is painted is shown while it is, where TAEF1 is installed: rarely enough to cost little, and as a patch."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mien_models.store import ModelStore
from mien_pipeline.engines.flux import stack as stack_module
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.shown_steps import ShownSteps
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import ShowsSteps
from mien_testing.tiny import QUICK, Picture


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


@pytest.mark.parametrize("installed", [True, False])
def test_the_engine_shows_patches_with_taef1_and_none_without(
    engine: FluxEngine,
    store: ModelStore,
    with_options: ModelStore,
    reference: Picture,
    target: Picture,
    monkeypatch: pytest.MonkeyPatch,
    installed: bool,
) -> None:
    """The result is the same to the bit, and no error without the file."""
    monkeypatch.setattr(stack_module, "DEV_TOKENS", 32)
    ours = FluxEngine(Stack(store, engine.stack.files, engine.stack.device, engine.stack.plan))
    if not installed:
        monkeypatch.setattr("mien_pipeline.engines.flux.engine.is_available", lambda *_: False)  # pyright: ignore[reportUnknownLambdaType]
    assert isinstance(ours, ShowsSteps)
    seen: list[tuple[Image, Patch]] = []
    ours.show_steps(lambda image, patch: seen.append((image, patch)))
    likeness = ours.prepare([Portrait(*reference)])
    with_previews = likeness.render(*target, QUICK, ignore_step)
    assert bool(seen) == installed
    for image, patch in seen:
        assert image is target[0]
        assert patch.mask.shape == patch.crop.shape[:2]
    ours.show_steps(None)
    again = likeness.render(*target, QUICK, ignore_step)
    assert np.array_equal(again.crop, with_previews.crop)
