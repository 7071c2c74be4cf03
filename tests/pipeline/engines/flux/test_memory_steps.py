"""Where the device runs out of memory, the stack steps down one plan, says so, and keeps it for this machine."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mien_core.errors import GpuOutOfMemory
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.memory_steps import with_usable
from mien_pipeline.engines.flux import stack
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Portrait
from mien_pipeline.memory_limits import MemoryLimits, identify
from mien_pipeline.plan.placement import DeviceKind
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import Remembers
from mien_testing.tiny import QUICK, Picture

GIB = 1 << 30
ONE_STEP = QUICK.model_copy(update={"steps": 1})


@pytest.fixture(autouse=True)
def short_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """512 tokens would be most of the time."""
    monkeypatch.setattr(stack, "DEV_TOKENS", 32)


def make_engine(engine: FluxEngine, store: ModelStore, kind: DeviceKind = "discrete") -> FluxEngine:
    """One of its own, as if torch's processor were that kind of device: a card's plans begin with bfloat16."""
    device = replace(engine.stack.device, kind=kind, total_bytes=80 * GIB)
    files = engine.stack.files
    return FluxEngine(Stack(store, files, device, plan_memory(files, device, 256)))


@contextmanager
def running_out(engine: FluxEngine, times: int) -> Generator[list[str]]:
    """The transformer's first passes ask for more than there is; what is yielded is the form of each."""
    left, load = times, engine.stack._load_transformer  # pyright: ignore[reportPrivateUsage]
    forms: list[str] = []

    def run_out(*_: Any) -> None:
        nonlocal left
        forms.append(engine.stack.plan.of("transformer").form)
        if left:
            left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def loaded(base: Any) -> Any:
        network = load(base)
        network.register_forward_pre_hook(run_out)
        return network

    engine.stack._load_transformer = loaded  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
    yield forms


def test_it_steps_down_says_so_and_remembers(
    engine: FluxEngine, store: ModelStore, reference: Picture, target: Picture, tmp_path: Path
) -> None:
    ours = make_engine(engine, store)
    assert isinstance(ours, Remembers)
    ours.remember(MemoryLimits(tmp_path))
    before = ours.stack.plan
    steps: list[int] = []
    with running_out(ours, 1) as forms:
        likeness = ours.prepare([Portrait(*reference)])
        patch = likeness.render(*target, ONE_STEP, lambda done, _total: steps.append(done))
        assert patch.warnings[-1:] == ("less-memory",)
        assert ours.stack.plan.peak_bytes < before.peak_bytes
        assert forms[:2] == ["bfloat16", "float8"]
        assert "less-memory" not in likeness.render(*target, ONE_STEP, ignore_step).warnings
    assert steps == sorted(steps)
    again = make_engine(engine, store)
    again.remember(MemoryLimits(tmp_path))
    assert again.stack.plan == ours.stack.plan
    other = make_engine(engine, store)
    other.stack.device = replace(other.stack.device, name="another card")
    other.remember(MemoryLimits(tmp_path))
    assert other.stack.plan == before


def test_where_no_smaller_plan_is_left_the_refusal_stays(
    engine: FluxEngine, store: ModelStore, reference: Picture, target: Picture
) -> None:
    ours = make_engine(engine, store, "cpu")
    with running_out(ours, 1000) as forms, pytest.raises(GpuOutOfMemory):
        ours.prepare([Portrait(*reference)]).render(*target, ONE_STEP, ignore_step)
    assert forms[:2] == ["float32", "bfloat16"]
    assert len(forms) == len(set(forms)), "every plan once"


@pytest.mark.parametrize("kind", ["discrete", "unified", "cpu"])
def test_a_device_with_so_much_to_use_may_use_so_much(engine: FluxEngine, kind: DeviceKind) -> None:
    device = with_usable(replace(engine.stack.device, kind=kind), 7 * GIB)
    plan = replace(engine.stack.plan, device=kind, total_bytes=device.total_bytes)
    assert abs(plan.usable_bytes - 7 * GIB) <= 1
    assert identify(device)["bytes"] == device.total_bytes
