"""Memory is summed network by network and phase by phase."""

from dataclasses import replace

import pytest

from mien_pipeline.plan.component import Component, Phase, component
from mien_pipeline.plan.placement import GIB, Placement, Plan, Residency, usable_memory

NET = Component("net", "sampling", wide=1000, narrow=100, window=300)


def on_demand(name: str, phase: Phase, wide: int) -> Placement:
    return Placement(Component(name, phase, wide, 0, wide), "bfloat16", "on-demand")


PLAN = Plan(
    "discrete",
    8 * GIB,
    side=512,
    width=10,
    placements=(on_demand("transformer", "sampling", 5000), on_demand("faceid", "sampling", 3000)),
)


@pytest.mark.parametrize(
    ("residency", "working", "waiting", "elsewhere"),
    [("resident", 2200, 2200, 0), ("streamed", 600, 0, 2200), ("on-demand", 2200, 0, 2200)],
)
def test_a_network_takes_memory_where_it_lives(
    residency: Residency, working: int, waiting: int, elsewhere: int
) -> None:
    one = Placement(NET, "bfloat16", residency)
    assert (one.accelerator_bytes, one.waiting_bytes, one.host_bytes) == (working, waiting, elsewhere)


def test_a_card_keeps_three_quarters_of_a_gib_for_its_driver_and_a_mac_three_tenths() -> None:
    assert usable_memory("discrete", 8 * GIB) == 8 * GIB - 805_306_368
    assert usable_memory("discrete", GIB // 2) == 0
    assert usable_memory("cpu", 8 * GIB) == 8 * GIB - 805_306_368
    # macOS wires between two thirds and three quarters for the GPU.
    assert usable_memory("unified", 10 * GIB) == 7 * GIB


def test_while_sampling_every_network_of_it_is_at_work() -> None:
    tokens = 32 * 32 + 512
    assert PLAN.phase_bytes("sampling") == 2 * (5000 + 3000) + 20 * tokens * 10 * 2


def test_elsewhere_one_network_follows_the_other_and_residents_wait() -> None:
    texts = (on_demand("clip", "text", 100), on_demand("t5", "text", 900))
    resident = replace(PLAN.placements[0], residency="resident")
    plan = replace(PLAN, placements=(resident, *texts))
    assert plan.phase_bytes("text") == 10_000 + 1800 + 20 * 512 * 10 * 2
    assert plan.phase_bytes("identity") == 10_000
    assert plan.host_bytes == 200 + 1800


def test_a_control_net_holds_its_fourteen_residuals() -> None:
    """InfuseNet has four double and ten single blocks."""
    control = replace(PLAN, placements=(*PLAN.placements, on_demand("control_net", "sampling", 0)))
    tokens = 32 * 32 + 512
    assert control.activations("sampling") - PLAN.activations("sampling") == 14 * tokens * 10 * 2


def test_a_vae_works_at_full_size_or_in_tiles() -> None:
    plan = replace(PLAN, side=1024, placements=(on_demand("vae", "picture", 10),))
    assert plan.activations("picture") == 4 * 256 * 1024 * 1024 * 2
    assert replace(plan, tiled=True).activations("picture") == 4 * 256 * 512 * 512 * 2
    assert replace(plan, tiled=True, side=256).activations("picture") == 4 * 256 * 256 * 256 * 2


def test_activations_are_twice_as_large_in_float32_and_nothing_where_nothing_works() -> None:
    full = replace(PLAN, placements=tuple(replace(each, form="float32") for each in PLAN.placements))
    assert full.activations("sampling") == 2 * PLAN.activations("sampling")
    assert PLAN.activations("text") == 0


def test_the_peak_is_the_busiest_phase_and_fits_up_to_the_last_byte() -> None:
    plan = replace(PLAN, placements=(*PLAN.placements, on_demand("t5", "text", 90_000_000)))
    assert plan.peak_bytes == plan.phase_bytes("text") > plan.phase_bytes("sampling")
    exact = replace(plan, total_bytes=plan.peak_bytes + GIB * 3 // 4)
    assert exact.fits
    assert not replace(exact, total_bytes=exact.total_bytes - 1).fits


def test_a_plan_is_told_in_bytes_and_in_words() -> None:
    told = replace(PLAN, tiled=True).as_json()
    assert (told["vae"], told["streams_from"]) == ("tiled", "main memory")
    assert replace(PLAN, device="unified").as_json()["streams_from"] == "disk"
    assert PLAN.as_json()["vae"] == "whole"
    assert told["memory_bytes"] == 8 * GIB
    assert told["components"] == [
        {
            "name": name,
            "part": "",
            "phase": "sampling",
            "dtype": "bfloat16",
            "where": "on-demand",
            "parameters": parameters,
            "accelerator_bytes": 2 * parameters,
            "host_bytes": 2 * parameters,
        }
        for name, parameters in (("transformer", 5000), ("faceid", 3000))
    ]


def test_main_memory_holds_what_waits_and_one_network_on_its_way() -> None:
    """A text encoder is read in its own form; a resident network passes through main memory."""
    sampling = Placement(Component("transformer", "sampling", 5000, 0, 100), "float8", "streamed")
    t5 = Placement(Component("t5", "text", 4000, 0, 100), "float8", "on-demand")
    resident = Placement(Component("control_net", "sampling", 9000, 0, 100), "float8", "resident")
    plan = replace(PLAN, placements=(sampling, t5), pinned=False)
    assert plan.host_peak_bytes == 5000 + 4000
    assert replace(plan, placements=(sampling, t5, resident)).host_peak_bytes == 5000 + 9000


def test_pinned_memory_is_counted_in_powers_of_two() -> None:
    """PyTorch's allocator of pinned memory rounds each tensor up, and no text encoder is pinned whole."""
    one = component("transformer", "sampling", {"a.weight": (3, 100), "b.weight": (4, 128), "b.bias": (4,)})
    streamed = Placement(one, "float8", "streamed")
    assert one.pinned_as("float8") == 512 + 512 + 8
    assert one.pinned_as("bfloat16") == 1024 + 1024 + 8
    plan = replace(PLAN, placements=(streamed,))
    assert plan.host_peak_bytes == 1032
    text = Placement(replace(one, phase="text"), "bfloat16", "streamed")
    assert not replace(plan, placements=(text,)).is_pinned(text)
    assert replace(plan, placements=(text,)).host_peak_bytes == one.bytes_as("bfloat16")


def test_a_cards_machine_keeps_three_gib_and_a_macs_memory_is_checked_once() -> None:
    text = replace(PLAN, placements=(on_demand("t5", "text", GIB),))
    assert text.fits_host
    assert replace(text, host_total_bytes=5 * GIB).fits_host
    assert not replace(text, host_total_bytes=5 * GIB - 1).fits_host
    assert not replace(text, host_total_bytes=5 * GIB - 1).fits
    assert replace(text, host_total_bytes=GIB, device="unified").usable_host_bytes is None
