"""What is chosen fits, and what cannot fit is refused with what would."""

from dataclasses import replace
from typing import Any

import pytest

from mien_core.errors import NotEnoughMemory
from mien_pipeline.engines.flux.components import published_components
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, DeviceKind, Plan

# Of the published transformer's hidden state.
PUBLISHED_WIDTH = 3072


def planned(device: DeviceKind, gib: float, side: int = 1024) -> Plan:
    return make_plan(published_components(), Hardware(device, int(gib * GIB), PUBLISHED_WIDTH), side)


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
        forms = {each.form for each in planned("unified", gib).placements}
        assert forms <= {"float32", "bfloat16", "gguf-q8", "gguf-q4"}


@pytest.mark.parametrize(("device", "gib"), MACHINES)
def test_who_a_face_is_and_where_it_ends_is_computed_in_float32_on_every_machine(
    device: DeviceKind, gib: float
) -> None:
    """IR-SE50 and the parsing network, as their authors run them."""
    plan = planned(device, gib)
    assert {plan.of(name).form for name in ("ir_se50", "parsing")} == {"float32"}
    assert plan.of("eva").form == "bfloat16"


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


FULL_WEIGHTS = frozenset[NumberFormat]({"bfloat16"})


@pytest.mark.parametrize(
    ("hardware", "side", "would_fit"),
    [
        (
            Hardware("discrete", 3 * GIB, PUBLISHED_WIDTH),
            1024,
            ["switching faceid off", "switching instantid off", "4 GiB of memory"],
        ),
        (Hardware("unified", 12 * GIB, PUBLISHED_WIDTH), 1024, ["switching instantid off", "16 GiB of memory"]),
        (
            Hardware("unified", 16 * GIB, PUBLISHED_WIDTH, FULL_WEIGHTS),
            1024,
            ["the transformer from a GGUF file in 4 bits", "48 GiB of memory"],
        ),
        (Hardware("cpu", 16 * GIB, PUBLISHED_WIDTH), 1024, ["32 GiB of memory"]),
    ],
)
def test_each_change_that_would_help_is_named_and_no_other(hardware: Hardware, side: int, would_fit: list[str]) -> None:
    with pytest.raises(NotEnoughMemory) as refused:
        make_plan(published_components(), hardware, side)
    fields: Any = refused.value.fields
    assert fields["would_fit"] == would_fit
    needed, usable = fields["needed_bytes"], fields["usable_bytes"]
    assert str(refused.value) == (
        f"{needed / GIB:.1f} GiB are needed at least and {usable / GIB:.1f} GiB are usable; "
        f"what would fit: {', '.join(would_fit)}"
    )
    assert needed == fields["plan"]["peak_bytes"]


def test_no_smaller_side_is_offered_than_the_one_asked_for() -> None:
    with pytest.raises(NotEnoughMemory) as refused:
        make_plan(published_components(), Hardware("discrete", 2 * GIB, PUBLISHED_WIDTH), 512)
    assert not [change for change in refused.value.fields["would_fit"] if "side" in change]  # type: ignore[attr-defined]


def test_a_plan_in_tiles_is_tried_before_a_slower_way_to_hold_the_networks() -> None:
    """The VAE in tiles costs little; a network that is streamed costs every step."""
    plans = [planned("discrete", gib) for gib in (8, 12, 16, 24, 48)]
    for plan in plans:
        whole = replace(plan, tiled=False)
        assert plan.tiled != whole.fits


def planned_beside(host_gib: float, gib: float = 8) -> Plan:
    hardware = Hardware("discrete", int(gib * GIB), PUBLISHED_WIDTH, FULL_FORMS, int(host_gib * GIB))
    return make_plan(published_components(), hardware)


FULL_FORMS = frozenset[NumberFormat]({"bfloat16", "float8"})


def test_copies_are_pinned_where_main_memory_has_room_and_else_made_as_they_are_needed() -> None:
    rich, poor = planned_beside(64), planned_beside(28)
    assert rich.pinned
    assert not poor.pinned
    assert [each.form for each in rich.placements] == [each.form for each in poor.placements]
    for plan, host in ((rich, 64), (poor, 28)):
        assert plan.usable_host_bytes == (host - 3) * GIB
        assert plan.host_peak_bytes <= (host - 3) * GIB
    assert replace(poor, pinned=True).host_peak_bytes > 25 * GIB


def test_a_card_of_8_gib_beside_16_gib_of_main_memory_has_a_plan_with_the_8_gb_bundle() -> None:
    """T5 is read in float8: in bfloat16 it would take 3.5 GiB more on its way."""
    hardware = Hardware("discrete", 8 * GIB, PUBLISHED_WIDTH, frozenset[NumberFormat]({"gguf-q4"}), 16 * GIB)
    plan = make_plan(published_components(), hardware)
    t5 = plan.of("text_encoder_2")
    assert (t5.form, t5.residency) == ("float8", "streamed")
    assert plan.host_peak_bytes <= 13 * GIB
    as_before = tuple(replace(each, form="bfloat16") if each is t5 else each for each in plan.placements)
    assert replace(plan, placements=as_before).host_peak_bytes - plan.host_peak_bytes > 3.4 * GIB


def test_too_little_main_memory_is_refused_by_name_with_what_would_do() -> None:
    with pytest.raises(NotEnoughMemory, match="of main memory are needed") as refused:
        planned_beside(12)
    fields: Any = refused.value.fields
    assert fields["memory"] == "main"
    assert fields["needed_bytes"] > fields["usable_bytes"] == 9 * GIB
    named = next(word for word in fields["would_fit"] if word.endswith("of main memory"))
    assert planned_beside(float(named.split()[0])).fits
    with pytest.raises(NotEnoughMemory) as of_the_card:
        planned_beside(64, gib=2)
    assert of_the_card.value.fields["memory"] == "device"
