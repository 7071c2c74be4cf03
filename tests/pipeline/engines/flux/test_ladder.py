"""Every plan that a card gets is run end to end on the tiny bundle, in just its formats and residencies.

On a CPU: blocks that are streamed are moved by the same hooks, without a stream beside them and without pinned memory.
NF4 is not run here, because bitsandbytes packs on a card alone: `tests/gpu/test_flux_forms.py` runs every plan there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import nn

from mien_pipeline.engines.diffusion.streaming import HOOK
from mien_pipeline.engines.flux import transformer as loading
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.tiny.networks import FLUX
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.progress import ignore_step
from mien_testing.ladder import CARDS, INSTALLS, RUN, Rung, installs_of, plan_for, row_of, rung_of
from mien_testing.tiny import QUICK, Picture

# The first step reads every network that is loaded; a second would read the same.
ONE_STEP = QUICK.model_copy(update={"steps": 1})

RESIDENT, STREAMED, BF16 = ("float8", "resident"), ("float8", "streamed"), ("bfloat16", "resident")
EXACT = ("float32", "on-demand")
T5, T5_SMALL, T5_STREAMED = ("bfloat16", "on-demand"), ("float8", "on-demand"), ("bfloat16", "streamed")
Q4, Q4_STREAMED, NF4 = ("gguf-q4", "resident"), ("gguf-q4", "streamed"), ("nf4", "resident")
# The transformer, control net and FaceID, PuLID's attentions, T5.
DEV: dict[int, Any] = {
    6: (STREAMED, STREAMED, STREAMED, T5_STREAMED),
    8: (STREAMED, RESIDENT, RESIDENT, T5_STREAMED),
    10: (STREAMED, RESIDENT, RESIDENT, T5_STREAMED),
    12: (STREAMED, RESIDENT, RESIDENT, T5_SMALL),
    16: (RESIDENT, STREAMED, RESIDENT, T5_STREAMED),
    20: (RESIDENT, RESIDENT, RESIDENT, T5_STREAMED),
    24: (RESIDENT, BF16, BF16, T5_STREAMED),
    32: (RESIDENT, BF16, BF16, T5),
    48: (BF16, BF16, BF16, T5),
    80: (BF16, BF16, BF16, T5),
}
FOUR_BITS = {10: (NF4, STREAMED, RESIDENT, T5_STREAMED), 12: (NF4, STREAMED, RESIDENT, T5_STREAMED)}
BUNDLE: dict[int, Any] = {
    6: (Q4_STREAMED, STREAMED, STREAMED, T5_STREAMED),
    8: (Q4_STREAMED, RESIDENT, RESIDENT, T5_STREAMED),
    10: (Q4, STREAMED, RESIDENT, T5_STREAMED),
    12: (Q4, STREAMED, RESIDENT, T5_STREAMED),
    16: (Q4, RESIDENT, RESIDENT, T5_STREAMED),
    20: (Q4, RESIDENT, RESIDENT, T5_SMALL),
    **dict.fromkeys((24, 32, 48, 80), (Q4, RESIDENT, RESIDENT, T5)),
}
LADDER: dict[str, dict[int, Any]] = {
    "dev": DEV,
    "dev, bitsandbytes": DEV | FOUR_BITS,
    "single file": DEV,
    "single file, bitsandbytes": DEV | FOUR_BITS,
    "8 GB bundle": BUNDLE,
    "8 GB bundle, bitsandbytes": BUNDLE,
}


@pytest.mark.parametrize("install", INSTALLS)
def test_a_card_gets_the_plan_of_the_table(install: str) -> None:
    assert {gib: rung_of(plan_for(install, gib)) for gib in CARDS} == LADDER[install]


def test_every_plan_that_a_cpu_can_run_is_run() -> None:
    run = {rung_of(plan_for(*each)) for each in RUN}
    planned = {rung for rungs in LADDER.values() for rung in rungs.values()}
    assert planned - run == {FOUR_BITS[10]}


def test_the_readme_shows_the_plans() -> None:
    """Installs whose plans are another's have no rows of their own."""
    readme = Path(__file__).parents[4].joinpath("pipeline", "README.md").read_text(encoding="utf-8").splitlines()
    rows = [row for row in readme if row.startswith("| ") and row.count(" resident") + row.count(" streamed") > 1]
    wanted = [row_of("dev", gib) for gib in CARDS]
    wanted += [row_of("dev, bitsandbytes", gib) for gib in FOUR_BITS]
    wanted += [row_of("8 GB bundle", gib) for gib in CARDS]
    assert rows == wanted


@pytest.fixture(scope="module")
def installed(engine: FluxEngine, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, FluxFiles]:
    return installs_of(engine.stack.files, tmp_path_factory.mktemp("ladder"))


# Held alike in every plan of a card, and loaded once here.
ALIKE = ("eva", "id_former", "ir_se50", "parsing", "resampler", "arcface")


@pytest.fixture(scope="module")
def alike(engine: FluxEngine, installed: Mapping[str, FluxFiles]) -> dict[str, Any]:
    """The networks of the identity phase, as the plan of the smallest card holds them."""
    stack = Stack(engine.stack.store, installed["dev"], engine.stack.device, plan_for("dev", 6))
    return {name: getattr(stack, name) for name in ALIKE}


@pytest.fixture(scope="module")
def painted() -> dict[tuple[NumberFormat, ...], Pixels]:
    """What each choice of formats painted."""
    return {}


@pytest.mark.parametrize(("install", "gib"), RUN)
def test_a_plan_paints_and_residencies_change_no_pixel(
    engine: FluxEngine,
    installed: Mapping[str, FluxFiles],
    alike: dict[str, Any],
    painted: dict[tuple[NumberFormat, ...], Pixels],
    reference: Picture,
    target: Picture,
    monkeypatch: pytest.MonkeyPatch,
    install: str,
    gib: int,
) -> None:
    """Plans that differ in where the networks are alone paint one picture, to the bit."""
    # One file holds no configuration; the published one's is known by heart.
    monkeypatch.setattr(loading, "DEV_CONFIG", {"_class_name": FluxTransformer2DModel.__name__, **FLUX})
    plan = plan_for(install, gib)
    stack = Stack(engine.stack.store, installed[install], engine.stack.device, plan)
    assert {(each.form, each.residency) for each in plan.placements if each.component.name in ALIKE} == {T5, EXACT}
    vars(stack).update(alike)
    stack.text("dev").max_tokens = 32
    patch = FluxEngine(stack).prepare([Portrait(*reference)]).render(*target, ONE_STEP, ignore_step)
    assert patch.crop[patch.mask > 0.5].std() > 1
    check_held(stack, rung_of(plan))
    formats: tuple[NumberFormat, ...] = tuple(each.form for each in plan.placements)
    assert np.array_equal(painted.setdefault(formats, patch.crop), patch.crop)


def check_held(stack: Stack, rung: Rung) -> None:
    """The loaded networks are what the plan says: their dtypes and their hooks."""
    loaded: list[nn.Module] = [stack.transformer("dev"), stack.control_net, stack.pulid_attentions]
    for network, (form, residency) in zip(loaded, rung, strict=False):
        dtypes = {value.dtype for value in network.parameters()}
        stored = {"float8": torch.float8_e4m3fn, "gguf-q4": torch.uint8}.get(form, torch.bfloat16)
        assert stored in dtypes
        assert dtypes <= {stored, torch.bfloat16}
        hooks = [vars(module).get("_diffusers_hook") for module in network.modules()]
        streamed = any(each is not None and each.get_hook(HOOK) is not None for each in hooks)
        assert streamed == (residency == "streamed")
