"""The engine plans for the files at hand, as `mien plan` shows it."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mien_core.errors import NotEnoughMemory
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.klein.components import LORA, plan_installed, plan_stack, published_shapes
from mien_pipeline.engines.klein.plan import plan_memory
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import GIB, DeviceKind, Plan

SHAPES: dict[str, Shapes] = {**published_shapes(), LORA: manifest("bfs-head-klein-4b")}


def installed(kind: DeviceKind, gib: int, full: bool, packed: Collection[NumberFormat]) -> Plan:
    return plan_installed(SHAPES, kind, gib * GIB, 1024, full=full, packed=packed)


def names(plan: Plan) -> set[str]:
    return {each.component.name for each in plan.placements}


def test_full_weights_come_first_and_have_the_lora_in_them() -> None:
    plan = installed("discrete", 6, full=True, packed=["gguf-q4"])
    assert plan == plan_stack(published_shapes(), "discrete", 6 * GIB, ("bfloat16", "float8"), 1024)
    assert LORA not in names(plan)


def test_packed_weights_stand_in_where_full_ones_do_not_fit_and_have_it_beside_them() -> None:
    """A Mac has no float8: 8 GiB hold 4 bits, and full weights not."""
    with pytest.raises(NotEnoughMemory):
        installed("unified", 8, full=True, packed=[])
    plan = installed("unified", 8, full=True, packed=["gguf-q4"])
    assert (plan.of("transformer").form, plan.of("transformer").residency) == ("gguf-q4", "resident")
    assert LORA in names(plan)


@pytest.mark.parametrize(("form", "gib"), [("float8", 8), ("gguf-q4", 6)])
def test_packed_weights_alone_are_planned_for_with_the_lora(stack: Stack, form: NumberFormat, gib: int) -> None:
    files = replace(stack.files, transformer=None, packed={form: Path(__file__)})
    card = Device(torch.device("cpu"), "discrete", "a card", gib * GIB, "cuda", torch.bfloat16)
    plan = plan_memory(files, card, 1024)
    assert plan.of("transformer").component == installed("discrete", gib, False, [form]).of("transformer").component
    assert plan.of("transformer").form == form
    assert LORA in names(plan)
