"""Each rung of the memory plan, run end to end with random values: planned and measured bytes, and seconds."""

import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from mien_core.errors import BrokenWeights, EngineUnavailable, MienError, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.device import Device, installed_memory, release_cache
from mien_pipeline.engines.diffusion.forms import can_load
from mien_pipeline.engines.diffusion.measure.measured import LEFT_FREE_BYTES, SIZES_GIB, LeftOut, Measured, Rung
from mien_pipeline.engines.diffusion.measure.memory import watch_memory
from mien_pipeline.engines.diffusion.memory_steps import LastStep
from mien_pipeline.engines.flux.engine import FluxLikeness
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.measure.random_stack import RandomStack
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.face import Portrait
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.ladder import LADDERS, TEXT_FORMS
from mien_pipeline.plan.placement import GIB, Plan

PROMPT = "a candid photograph of a person"


def list_rungs(files: FluxFiles, device: Device, side: int) -> Iterator[Rung | LeftOut]:
    """Each different plan of this device, from its own size downwards; on a processor, each number format.

    Args:
        files: that the plans are made of.
        device: what computes.
        side: of the square working picture, in pixels.
    """
    seen: list[Any] = []
    for name, plan in _plans(files, device, side):
        if isinstance(plan, LeftOut):
            yield plan
            continue
        held = [(each.component.name, each.form, each.residency) for each in plan.placements], plan.tiled
        if held not in seen:
            seen.append(held)
            yield Rung(name, plan)


def _plans(files: FluxFiles, device: Device, side: int) -> Iterator[tuple[str, Plan | LeftOut]]:
    sizes: list[tuple[str, int, NumberFormat | None]]
    for install, these in _installs(files):
        if device.kind == "cpu":
            sizes = [(f"{form}, {install}", device.total_bytes, form) for form in _forms_of(device)]
        else:
            room = [gib for gib in reversed(SIZES_GIB) if gib * GIB <= device.total_bytes]
            sizes = [(f"{gib} GiB, {install}", gib * GIB, None) for gib in room]
        for name, total, form in sizes:
            try:
                plan = plan_memory(these, replace(device, total_bytes=total), side, installed_memory(), form)
            except (NotEnoughMemory, EngineUnavailable) as error:
                yield name, LeftOut(name, str(error))
            else:
                yield name, plan


def _installs(files: FluxFiles) -> Iterator[tuple[str, FluxFiles]]:
    if files.transformer:
        yield "full weights", replace(files, gguf={})
    if files.gguf:
        yield "8 GB bundle", replace(files, transformer=None)


def _forms_of(device: Device) -> Collection[NumberFormat]:
    return dict.fromkeys(rung.core[0] for rung in LADDERS[device.kind] if can_load(rung.core[0]))


def run_rung(
    rung: Rung, store: ModelStore, files: FluxFiles, device: Device, portrait: Portrait, options: FluxOptions
) -> Measured:
    """One picture from nothing loaded, and a second while everything is: what the plan said, and what it took.

    A plan that cannot be run is reported with its problem.
    """
    names = ("transformer", "control_net", "faceid", "pulid_attentions", "text_encoder_2")
    held = {name: f"{rung.plan.of(name).form} {rung.plan.of(name).residency}" for name in names}
    blank = Measured(rung.name, held, rung.plan.peak_bytes, rung.plan.host_peak_bytes)
    stack: RandomStack | None = None
    with watch_memory() as taken:
        began = time.perf_counter()
        try:
            stack = RandomStack(store, files, device, rung.plan)
            likeness = WatchedLikeness(stack, portrait)
            ends = likeness.take_steps(options)
            found = replace(
                blank,
                seconds=time.perf_counter() - began,
                step_seconds=tuple(float(each) for each in np.diff(ends)),
                finite=likeness.is_finite,
            )
            began = time.perf_counter()
            likeness.take_steps(options)
            found = replace(found, again_seconds=time.perf_counter() - began)
        except (MienError, RuntimeError, MemoryError) as error:
            found = replace(blank, seconds=time.perf_counter() - began, problem=f"{type(error).__name__}: {error}")
    if stack is not None:
        stack.replan(rung.plan)  # gives up all that is loaded
    return replace(found, peak_bytes=taken.device, main_bytes=taken.main)


class WatchedLikeness(FluxLikeness):
    """The engine's likeness, whose latents are looked at before they become a picture.

    Where memory runs out that is the result: no smaller plan is taken.
    """

    def __init__(self, stack: RandomStack, portrait: Portrait) -> None:
        super().__init__(stack, None, [portrait], LastStep("flux", stack))
        self._portrait = portrait
        self.is_finite = False

    def sample(self, *arguments: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        latents = super().sample(*arguments)
        self.is_finite = bool(torch.isfinite(latents).all())
        return latents

    def take_steps(self, options: FluxOptions) -> list[float]:
        """Paint the portrait over itself; when each step ended, on the clock of `time.perf_counter`.

        Raises:
            BrokenWeights: what was sampled is no number.
        """
        ends: list[float] = []
        image, face = self._portrait
        self.render(image, face, options, lambda _done, _total: ends.append(time.perf_counter()))
        if not self.is_finite:
            raise BrokenWeights("what was sampled is no number")
        return ends


def run_text(
    store: ModelStore, files: FluxFiles, device: Device, plan: Plan, max_tokens: int | None = None
) -> Iterator[Measured | LeftOut]:
    """T5 in each form and place that a plan of any device may give it, alone.

    Args:
        plan: any of the stack; its other networks are not loaded.
        max_tokens: that it reads; None is FLUX.1 [dev]'s.
    """
    forms = sorted({each for forms in TEXT_FORMS.values() for each in forms})
    for form, residency in forms:
        placed = tuple(
            replace(each, form=form, residency=residency) if each.component.name == "text_encoder_2" else each
            for each in plan.placements
        )
        name, t5 = f"T5 {form} {residency}", plan.of("text_encoder_2").component
        needed, free = t5.bytes_as(form), psutil.virtual_memory().available - LEFT_FREE_BYTES
        if needed > free:
            yield LeftOut(name, f"it needs {needed / GIB:.1f} GiB, and {max(0, free) / GIB:.1f} GiB are free")
            continue
        yield _encode(RandomStack(store, files, device, replace(plan, placements=placed)), name, max_tokens)


def _encode(stack: RandomStack, name: str, max_tokens: int | None) -> Measured:
    placement = stack.plan.of("text_encoder_2")
    held = {"text_encoder_2": f"{placement.form} {placement.residency}"}
    found = Measured(name, held, placement.accelerator_bytes, placement.component.bytes_as(placement.form))
    encoders = stack.text("dev")
    encoders.max_tokens = max_tokens or encoders.max_tokens
    with watch_memory() as taken:
        began = time.perf_counter()
        try:
            (tokens,) = encoders.encode_tokens([PROMPT])
            seconds = time.perf_counter() - began
            found = replace(found, finite=bool(torch.isfinite(tokens).all()), seconds=seconds)
        except (MienError, RuntimeError, MemoryError) as error:
            found = replace(found, problem=f"{type(error).__name__}: {error}")
    release_cache()
    return replace(found, peak_bytes=taken.device, main_bytes=taken.main)
