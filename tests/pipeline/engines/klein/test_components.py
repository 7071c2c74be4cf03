"""The memory plan of FLUX.2 [klein] 4B: what each card gets, and that its sizes are what the networks hold."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from mien_core.errors import EngineUnavailable, NotEnoughMemory
from mien_pipeline.engines.diffusion.casting import held_bytes
from mien_pipeline.engines.diffusion.float8 import pack_linears
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.klein.components import (
    LORA,
    MOST_CONTEXT,
    TEXT_LAYERS,
    components,
    is_outside_blocks,
    most_pictures,
    plan_stack,
    published_shapes,
)
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import GIB, DeviceKind, Plan
from mien_testing.published_klein import published_network

FULL: tuple[NumberFormat, ...] = ("float32", "bfloat16", "float8")
INSTALLS: dict[str, tuple[NumberFormat, ...]] = {
    "full weights": FULL,
    "fp8": ("float8",),
    "q8": ("gguf-q8",),
    "q4": ("gguf-q4",),
}
CARDS = (4, 6, 8, 10, 12, 16, 24)
BF16, BF16_MOVED = ("bfloat16", "resident"), ("bfloat16", "on-demand")
FP8, FP8_STREAMED = ("float8", "resident"), ("float8", "streamed")
Q8, Q8_STREAMED = ("gguf-q8", "resident"), ("gguf-q8", "streamed")
Q4, Q4_STREAMED = ("gguf-q4", "resident"), ("gguf-q4", "streamed")
TEXT, TEXT_STREAMED = ("bfloat16", "on-demand"), ("bfloat16", "streamed")
# The transformer, and the text encoder.
LADDER: dict[str, dict[int, Any]] = {
    "full weights": {
        4: (FP8_STREAMED, TEXT_STREAMED),
        6: (FP8_STREAMED, TEXT_STREAMED),
        8: (FP8, TEXT),
        10: (BF16_MOVED, TEXT),
        **dict.fromkeys((12, 16, 24), (BF16, TEXT)),
    },
    "fp8": {
        4: (FP8_STREAMED, TEXT_STREAMED),
        6: (FP8_STREAMED, TEXT_STREAMED),
        **dict.fromkeys((8, 10, 12, 16, 24), (FP8, TEXT)),
    },
    "q8": {
        4: (Q8_STREAMED, TEXT_STREAMED),
        6: (Q8_STREAMED, TEXT_STREAMED),
        **dict.fromkeys((8, 10, 12, 16, 24), (Q8, TEXT)),
    },
    "q4": {
        4: (Q4_STREAMED, TEXT_STREAMED),
        6: (Q4, TEXT_STREAMED),
        **dict.fromkeys((8, 10, 12, 16, 24), (Q4, TEXT)),
    },
}


def shapes_of(install: str) -> dict[str, Shapes]:
    """With the LoRA beside the transformer where its weights come packed."""
    lora = {} if install == "full weights" else {LORA: manifest("bfs-head-klein-4b")}
    return {**published_shapes(), **lora}


def planned(install: str, gib: float, kind: DeviceKind = "discrete", side: int = 1024) -> Plan:
    return plan_stack(shapes_of(install), kind, int(gib * GIB), INSTALLS[install], side)


def narrow(shapes: Shapes) -> Shapes:
    return {name: tuple(min(size, 64) for size in shape) for name, shape in shapes.items()}


def held(plan: Plan, name: str) -> tuple[str, str]:
    return plan.of(name).form, plan.of(name).residency


@pytest.mark.parametrize("install", INSTALLS)
def test_a_card_gets_the_plan_of_the_table(install: str) -> None:
    plans = {gib: planned(install, gib) for gib in CARDS}
    assert {gib: (held(plan, "transformer"), held(plan, "text_encoder")) for gib, plan in plans.items()} == LADDER[
        install
    ]
    assert all(plan.fits for plan in plans.values())
    assert {plan.tiled for plan in plans.values()} == {False}


WHERE = {"resident": "stays", "on-demand": "comes while it works", "streamed": "block by block"}


def row_of(install: str, gib: int) -> str:
    """A line of the README's table: how the large networks are held, and GiB on the card and in main memory."""
    plan = planned(install, gib)
    networks = " | ".join(
        f"{form} {WHERE[where]}" for form, where in (held(plan, "transformer"), held(plan, "text_encoder"))
    )
    return f"| {install} | {gib} | {networks} | {plan.peak_bytes / GIB:.1f} | {plan.host_peak_bytes / GIB:.1f} |"


def test_the_readme_shows_the_plans() -> None:
    """Cards whose plan is a smaller one's have no rows of their own."""
    readme = Path(__file__).parents[4].joinpath("pipeline", "README.md").read_text(encoding="utf-8").splitlines()
    rows = [row for row in readme if row.startswith(tuple(f"| {install} |" for install in INSTALLS))]
    smallest = {install: [gib for gib in (4, 6, 8, 10, 12) if LADDER[install].get(gib - 2) != LADDER[install][gib]]
                for install in INSTALLS}  # fmt: skip
    assert rows == [row_of(install, gib) for install, cards in smallest.items() for gib in cards]


@pytest.mark.parametrize("install", ["fp8", "q8", "q4"])
def test_the_lora_is_where_the_transformer_is(install: str) -> None:
    for gib in CARDS:
        plan = planned(install, gib)
        assert held(plan, LORA) == ("bfloat16", plan.of("transformer").residency)


@pytest.mark.parametrize(("gib", "peak"), [(10, 8.83), (8, 5.56)])
def test_sampling_takes_what_is_known_of_the_published_size(gib: int, peak: float) -> None:
    """1024 px as noise and as context, four references of 512 px, the text: 12,800 tokens. With one reference, 0.39
    GiB less, weights and activations were summed elsewhere to 8.4 GiB in bfloat16 and 4.8 in float8, without the 0.18
    of layers that float8 leaves alone and the 0.16 of the one matrix that is unpacked."""
    plan = planned("full weights", gib)
    assert plan.workload.tokens(plan.side) == 12800
    assert plan.phase_bytes("sampling") / GIB == pytest.approx(peak, abs=0.01)


@pytest.mark.parametrize("install", INSTALLS)
def test_text_and_transformer_are_never_together(install: str) -> None:
    for gib in CARDS:
        plan = planned(install, gib)
        text = plan.of("text_encoder")
        assert plan.workload.text_alone
        assert plan.phase_bytes("text") == text.accelerator_bytes + plan.activations("text")


def test_more_memory_never_makes_a_slower_plan() -> None:
    """What comes to the card for each picture never grows with the card."""
    moved = [planned("full weights", gib).of("transformer").host_bytes for gib in (6, 8)]
    assert moved == sorted(moved, reverse=True)
    streamed = [planned("full weights", gib).of("transformer").residency == "streamed" for gib in CARDS]
    assert streamed == sorted(streamed, reverse=True)


def test_a_card_with_too_little_is_refused_with_what_would_fit() -> None:
    with pytest.raises(NotEnoughMemory) as refused:
        planned("full weights", 2)
    assert refused.value.fields["would_fit"] == ["4 GiB of memory"]


def test_pictures_of_the_reference_never_exceed_what_is_planned() -> None:
    for side in range(256, 1025, 16):
        assert 0 < most_pictures(side) * (side // 16) ** 2 <= MOST_CONTEXT
    assert [most_pictures(side) for side in (1024, 512)] == [1, 4]


def test_a_processor_is_refused_at_published_size_with_a_word() -> None:
    with pytest.raises(EngineUnavailable, match="graphics card") as refused:
        planned("full weights", 64, "cpu")
    assert refused.value.fields == {"engine": "klein", "reason": "processor"}
    tiny = {name: narrow(shapes) for name, shapes in published_shapes().items()}
    assert plan_stack(tiny, "cpu", 8 * GIB, FULL, 256).of("transformer").form == "float32"


def test_main_memory_that_is_too_small_for_a_plan_is_not_planned_with() -> None:
    """On a card of 10 GiB bfloat16 waits in main memory while it does not work; float8 stays on the card."""
    shapes = published_shapes()
    assert held(plan_stack(shapes, "discrete", 10 * GIB, FULL, 1024, 32 * GIB), "transformer") == BF16_MOVED
    assert held(plan_stack(shapes, "discrete", 10 * GIB, FULL, 1024, 16 * GIB), "transformer") == FP8


def test_float8_leaves_what_the_makers_own_file_leaves() -> None:
    sized = components(published_shapes())[0]
    assert sized.kept == 195_035_136


@pytest.mark.parametrize("form", ["bfloat16", "float8"])
def test_the_transformer_holds_what_is_planned(form: NumberFormat) -> None:
    network = published_network("transformer").bfloat16()
    if form == "float8":
        pack_linears(network, is_outside_blocks)
    assert held_bytes(network) == pytest.approx(components(published_shapes())[0].bytes_as(form), rel=0.001)


def test_of_the_text_encoder_28_layers_are_loaded() -> None:
    network: Any = published_network("text_encoder").bfloat16()
    network.model.layers = nn.ModuleList(list(network.model.layers)[:TEXT_LAYERS])
    planned_text = next(one for one in components(published_shapes()) if one.name == "text_encoder")
    assert held_bytes(network) == pytest.approx(planned_text.bytes_as("bfloat16"), rel=0.001)
    assert planned_text.bytes_as("bfloat16") / GIB == pytest.approx(5.99, abs=0.01)
