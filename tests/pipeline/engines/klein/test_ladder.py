"""Every plan that a card gets is run end to end on the tiny bundle, in just its formats and residencies.

On a CPU: what is moved or streamed goes from main memory to main memory, by the same hooks and contexts.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mien_pipeline.engines.diffusion.float8 import FLOAT8
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.streaming import HOOK
from mien_pipeline.engines.diffusion.target import extract
from mien_pipeline.engines.klein.canvas import canvas_for
from mien_pipeline.engines.klein.components import LORA, plan_stack, published_shapes
from mien_pipeline.engines.klein.engine import KleinEngine, KleinLikeness
from mien_pipeline.engines.klein.files import KleinFiles
from mien_pipeline.engines.klein.lora import BesideLora
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.transformer import load_transformer
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import GIB, Plan
from mien_pipeline.progress import ignore_step
from mien_testing.klein import QUICK
from mien_testing.makers import to_makers, write_fp8, write_gguf
from mien_testing.trusting_klein import TEXT_TOKENS

ONE_STEP = QUICK.model_copy(update={"steps": 1})
FORMS: dict[str, tuple[NumberFormat, ...]] = {
    "full weights": ("float32", "bfloat16", "float8"),
    "fp8": ("float8",),
    "q8": ("gguf-q8",),
    "q4": ("gguf-q4",),
}
# Each way of `test_components.LADDER` to hold the transformer once, and float8 that comes while it works.
RUN = [
    *(("full weights", gib) for gib in (4, 8, 10, 12)),
    *((packed, gib) for packed in ("fp8", "q8") for gib in (4, 8)),
    ("fp8", 7),
    *(("q4", gib) for gib in (4, 6)),
]


def plan_for(install: str, gib: int) -> Plan:
    """The plan of a card at published size."""
    shapes: dict[str, Shapes] = published_shapes()
    lora = {} if install == "full weights" else {LORA: manifest("bfs-head-klein-4b")}
    return plan_stack({**shapes, **lora}, "discrete", gib * GIB, FORMS[install], 1024)


@pytest.fixture(scope="module")
def installed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, KleinFiles]:
    """The tiny bundle with its transformer in each form that it is published in."""
    folder = tmp_path_factory.mktemp("ladder")
    theirs = to_makers(load_transformer(stack.files, "float32", torch.float32, 0).state_dict())
    packed: dict[str, tuple[NumberFormat, Path]] = {
        "fp8": ("float8", write_fp8(folder / "klein.safetensors", theirs)),
        "q8": ("gguf-q8", write_gguf(folder / "klein-Q8_0.gguf", theirs, "Q8_0")),
        "q4": ("gguf-q4", write_gguf(folder / "klein-Q4_0.gguf", theirs, "Q4_0")),
    }
    found = {name: replace(stack.files, transformer=None, packed={form: path}) for name, (form, path) in packed.items()}
    return {"full weights": stack.files, **found}


@pytest.fixture(scope="module")
def painted() -> dict[str, Pixels]:
    """What each install painted in each form."""
    return {}


@pytest.mark.parametrize(("install", "gib"), RUN)
def test_a_plan_paints_and_residencies_change_no_pixel(
    stack: Stack,
    engine: KleinEngine,
    installed: Mapping[str, KleinFiles],
    painted: dict[str, Pixels],
    admiral: Portrait,
    astronaut: Portrait,
    install: str,
    gib: int,
) -> None:
    """Plans that differ in where the networks are alone paint one picture, to the bit."""
    plan = plan_for(install, gib)
    ours = Stack(stack.store, installed[install], stack.device, plan, "tiny")
    ours.text.max_tokens = TEXT_TOKENS
    likeness = KleinLikeness(KleinEngine(ours, engine.detector, engine.models), [admiral])
    image, face = astronaut
    cut = canvas_for((image.width, image.height), face, ONE_STEP.side)
    made = likeness.make(extract(image, cut), cut, ONE_STEP, ignore_step)
    assert made.std() > 1
    check_held(ours.transformer(ONE_STEP.lora_scale), plan)
    assert np.array_equal(painted.setdefault(f"{install} {plan.of('transformer').form}", made), made)


def check_held(network: Any, plan: Plan) -> None:
    """The transformer is what the plan says: its dtypes, its hooks, and the LoRA beside packed values alone."""
    form, residency = plan.of("transformer").form, plan.of("transformer").residency
    stored = {"float8": FLOAT8, "gguf-q8": torch.uint8, "gguf-q4": torch.uint8}.get(form, torch.bfloat16)
    dtypes = {value.dtype for value in network.parameters() if value.ndim > 1}
    assert stored in dtypes
    assert dtypes <= {stored, torch.bfloat16}
    modules: list[nn.Module] = list(network.modules())
    hooks = [vars(module).get("_diffusers_hook") for module in modules]
    assert any(each is not None and each.get_hook(HOOK) is not None for each in hooks) == (residency == "streamed")
    beside = LORA in {each.component.name for each in plan.placements}
    assert sum(isinstance(module, BesideLora) for module in modules) == (100 if beside else 0)
