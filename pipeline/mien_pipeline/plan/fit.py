"""The fastest memory plan that fits, or what would have to change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from mien_core.errors import NotEnoughMemory
from mien_pipeline.plan.component import BYTES, Component, NumberFormat
from mien_pipeline.plan.ladder import LADDERS, OTHER_FORMS, TEXT_FORMS, Rung
from mien_pipeline.plan.placement import DEFAULT_SIDE, GIB, DeviceKind, Placement, Plan, Residency


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a plan is made for.

    Attributes:
        device, total_bytes: what computes, and its memory.
        width: of the transformer, for the activations.
        forms: number formats the transformer can be had in; a GGUF file is one, full weights make the others.
    """

    device: DeviceKind
    total_bytes: int
    width: int
    forms: frozenset[NumberFormat] = frozenset(BYTES)


def make_plan(components: Sequence[Component], machine: Hardware, side: int = DEFAULT_SIDE) -> Plan:
    """The fastest plan that fits.

    Raises:
        NotEnoughMemory: none does; `plan` is the smallest there is, `would_fit` says what would.
    """
    found = _first_that_fits(components, machine, side)
    if found.fits:
        return found
    would_fit = list(_alternatives(components, machine, side))
    raise NotEnoughMemory(
        f"{found.peak_bytes / GIB:.1f} GiB are needed at least and {found.usable_bytes / GIB:.1f} GiB are usable; "
        f"what would fit: {', '.join(would_fit) or 'nothing'}",
        needed_bytes=found.peak_bytes,
        usable_bytes=found.usable_bytes,
        plan=found.as_json(),
        would_fit=would_fit,
    )


def _first_that_fits(components: Sequence[Component], machine: Hardware, side: int) -> Plan:
    """The first plan of the ladder that fits, or the smallest."""
    plans: list[Plan] = []
    rungs = [rung for rung in LADDERS[machine.device] if rung.core[0] in machine.forms]
    for rung, text, tiled in product(rungs, TEXT_FORMS[machine.device], (False, True)):
        placements = tuple(_place(each, rung, text) for each in components)
        plan = Plan(machine.device, machine.total_bytes, side, machine.width, placements, tiled)
        if plan.fits:
            return plan
        plans.append(plan)
    return min(plans, key=lambda plan: plan.peak_bytes)


def _place(one: Component, rung: Rung, text: tuple[NumberFormat, Residency]) -> Placement:
    if one.name == "transformer":
        return Placement(one, *rung.core)
    if one.phase == "sampling":
        form, residency = rung.parts
        return Placement(one, form, "streamed" if one.name in rung.streamed else residency)
    if one.name == "text_encoder_2":
        return Placement(one, *text)
    # The small ones work for a moment each, in full precision where that is affordable.
    return Placement(one, "float32" if rung.core[0] == "float32" else "bfloat16", "on-demand")


def _alternatives(components: Sequence[Component], machine: Hardware, side: int) -> Iterator[str]:
    """What a person could change for it to fit."""
    for smaller in (768, 512):
        if smaller < side and _first_that_fits(components, machine, smaller).fits:
            yield f"a working side of {smaller} px"
            break
    for part in sorted({each.part for each in components if each.part}):
        rest = [each for each in components if each.part != part]
        if _first_that_fits(rest, machine, side).fits:
            yield f"switching {part} off"
    for form, called in OTHER_FORMS.items():
        other = replace(machine, forms=machine.forms | {form})
        if form not in machine.forms and _first_that_fits(components, other, side).fits:
            yield called
    for gib in (4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 80, 128):
        if _first_that_fits(components, replace(machine, total_bytes=gib * GIB), side).fits:
            yield f"{gib} GiB of memory"
            break
