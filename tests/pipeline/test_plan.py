"""The memory plan promises: sums are the published weights', what is chosen fits, what cannot fit says what would."""

import json
from typing import Any

import pytest

from mien_cli.main import main
from mien_core.errors import NotEnoughMemory
from mien_pipeline.engines.flux.components import PUBLISHED_WIDTH, published_components
from mien_pipeline.plan.component import NumberFormat, component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, DeviceKind, Plan


def planned(device: DeviceKind, gib: float, side: int = 1024) -> Plan:
    return make_plan(published_components(), Hardware(device, int(gib * GIB), PUBLISHED_WIDTH), side)


@pytest.mark.parametrize(
    ("name", "bfloat16", "float8", "four_bits"),
    [
        ("transformer", 22.17, 11.08, 6.23),
        ("control_net", 5.50, 2.75, 1.55),
        ("pulid_attentions", 0.78, 0.39, 0.22),
        ("faceid", 2.58, 1.29, 0.73),
        ("id_former", 0.28, 0.14, 0.08),
        ("eva", 0.57, 0.29, 0.16),
    ],
)
def test_weights_sum_to_what_was_published(name: str, bfloat16: float, float8: float, four_bits: float) -> None:
    one = next(each for each in published_components() if each.name == name)
    assert one.bytes_as("bfloat16") / GIB == pytest.approx(bfloat16, abs=0.01)
    assert one.bytes_as("float8") / GIB == pytest.approx(float8, abs=0.02)
    assert one.bytes_as("nf4") / GIB == pytest.approx(four_bits, abs=0.02)


MACHINES: list[tuple[DeviceKind, float]] = [
    ("discrete", 8), ("discrete", 12), ("discrete", 16), ("discrete", 24), ("unified", 16), ("unified", 32)
]  # fmt: skip


@pytest.mark.parametrize(("device", "gib"), MACHINES)
def test_common_machines_have_a_plan_that_fits(device: DeviceKind, gib: float) -> None:
    plan = planned(device, gib)
    assert plan.fits
    assert plan.peak_bytes <= plan.usable_bytes < gib * GIB
    assert {each.component.name for each in plan.placements} == {each.name for each in published_components()}


def test_more_memory_never_makes_a_slower_plan() -> None:
    """What has to be brought to the card for every step never grows with the card."""

    def streamed(gib: float) -> int:
        placements = planned("discrete", gib).placements
        sampling = [each for each in placements if each.component.phase == "sampling"]
        return sum(each.host_bytes for each in sampling if each.residency == "streamed")

    moved = [streamed(gib) for gib in (4, 6, 8, 10, 12, 16, 24, 48)]
    assert moved == sorted(moved, reverse=True)
    assert planned("discrete", 48).of("transformer").form == "bfloat16"
    assert planned("discrete", 8).of("transformer").residency == "streamed"


def test_apples_graphics_are_given_no_number_format_they_lack() -> None:
    for gib in (16, 24, 32, 64, 128):
        assert {each.form for each in planned("unified", gib).placements} <= {"bfloat16", "gguf-q8", "gguf-q4"}


def test_a_larger_picture_needs_more() -> None:
    assert planned("discrete", 24, 1536).peak_bytes >= planned("discrete", 24, 512).peak_bytes


@pytest.mark.parametrize("form", ["gguf-q8", "gguf-q4"])
@pytest.mark.parametrize(("device", "gib"), [("discrete", 8), ("discrete", 24), ("unified", 32), ("cpu", 64)])
def test_the_transformer_is_planned_in_a_form_that_is_at_hand(device: DeviceKind, gib: int, form: NumberFormat) -> None:
    """Who has nothing but one GGUF file gets a plan for that file, on a card of 8 GB too."""
    plan = make_plan(published_components(), Hardware(device, gib * GIB, PUBLISHED_WIDTH, frozenset({form})))
    assert plan.fits
    assert plan.of("transformer").form == form


def test_a_small_card_streams_the_transformer_alone_where_the_parts_can_stay() -> None:
    plan = planned("discrete", 8)
    assert plan.of("transformer").residency == "streamed"
    assert {plan.of(name).residency for name in ("control_net", "pulid_attentions", "faceid")} == {"resident"}
    assert planned("discrete", 4).of("control_net").residency == "streamed"


def test_what_cannot_fit_is_refused_with_the_smallest_plan_and_what_would_fit() -> None:
    with pytest.raises(NotEnoughMemory) as refused:
        planned("unified", 8)
    plan: Any = refused.value.fields["plan"]
    assert plan["peak_bytes"] > plan["usable_bytes"]
    would: Any = refused.value.fields["would_fit"]
    named = next(word for word in would if word.endswith("GiB of memory"))
    assert planned("unified", float(named.split()[0])).fits
    assert named in str(refused.value)


def test_full_weights_that_are_too_large_are_answered_with_the_files_that_would_do() -> None:
    full = Hardware("unified", 16 * GIB, PUBLISHED_WIDTH, frozenset({"bfloat16"}))
    with pytest.raises(NotEnoughMemory, match="GGUF file in 4 bits"):
        make_plan(published_components(), full)


def test_streaming_keeps_two_blocks_and_what_is_outside_them() -> None:
    shapes = {f"blocks.{index}.weight": (100, 10 + index) for index in range(5)} | {"embed.weight": (100, 3)}
    one = component("net", "sampling", {**shapes, "norm.bias": (7,)})
    assert one.window == 300 + 100 * 13 + 100 * 14
    assert (one.wide, one.narrow) == (sum(100 * (10 + index) for index in range(5)) + 300, 7)
    assert component("net", "sampling", shapes, leaves=True).window == 100 * 13 + 100 * 14


def test_the_command_lays_out_every_component(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "8", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["fits"] is True
    assert printed["peak_bytes"] == max(printed["phases"].values())
    row = next(row for row in printed["components"] if row["name"] == "transformer")
    assert (row["dtype"], row["where"], row["parameters"]) == ("float8", "streamed", 11_901_408_320)
    assert main(["plan", "--vram", "16", "--device", "unified"]) == 0
    assert "streamed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--vram", "0.9"], "not-enough-memory"),
        (["--vram", "-1"], "invalid-options"),
        (["--vram", "8", "--side", "40"], "invalid-options"),
        (["--vram", "8", "--engine", "photoshop"], "unknown-engine"),
    ],
)
def test_the_command_refuses_by_name(capsys: pytest.CaptureFixture[str], flags: list[str], code: str) -> None:
    assert main(["plan", *flags, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == code


def test_other_engines_have_a_plan_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "4", "--engine", "mesh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["peak_bytes"] < GIB
