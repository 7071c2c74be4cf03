"""The fastest memory plan that fits, or what would have to change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from mien_core.errors import NotEnoughMemory
from mien_pipeline.plan.component import BYTES, Component, NumberFormat, Phase
from mien_pipeline.plan.ladder import IDENTITY_STACK, OTHER_FORMS, Ladder, Rung
from mien_pipeline.plan.placement import DEFAULT_SIDE, GIB, DeviceKind, Placement, Plan


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a plan is made for.

    Attributes:
        device, total_bytes: what computes, and its memory.
        width: of the transformer's hidden state, for the activations.
        host_bytes: main memory of a card's machine; None is not checked.
        forms: number formats that the transformer is available in. A GGUF file is one; full weights make the others.
    """

    device: DeviceKind
    total_bytes: int
    width: int
    forms: frozenset[NumberFormat] = frozenset(BYTES)
    host_bytes: int | None = None


def make_plan(
    components: Sequence[Component], hardware: Hardware, side: int = DEFAULT_SIDE, ladder: Ladder = IDENTITY_STACK
) -> Plan:
    """The fastest plan that fits.

    Args:
        side: of the square working picture, in pixels.
        ladder: the engine's ways to hold its networks.

    Raises:
        NotEnoughMemory: no plan fits. `needed_bytes` and `plan` are of the smallest one, `usable_bytes` is what the
            device has, `would_fit` names the changes that would make one fit. Where the device has enough and its
            machine's main memory has not, `memory` is "main" and both sizes are of that.
    """
    found = _first_that_fits(components, hardware, side, ladder)
    if found.fits:
        return found
    would_fit = list(_alternatives(components, hardware, side, ladder))
    # The smallest plan is one that the device has room for, if any is.
    of_host = found.peak_bytes <= found.usable_bytes
    needed = found.host_peak_bytes if of_host else found.peak_bytes
    usable = (found.usable_host_bytes or 0) if of_host else found.usable_bytes
    raise NotEnoughMemory(
        f"{needed / GIB:.1f} GiB {'of main memory ' if of_host else ''}are needed at least and "
        f"{usable / GIB:.1f} GiB are usable; what would fit: {', '.join(would_fit) or 'nothing'}",
        memory="main" if of_host else "device",
        needed_bytes=needed,
        usable_bytes=usable,
        plan=found.as_json(),
        would_fit=would_fit,
    )


def _first_that_fits(components: Sequence[Component], hardware: Hardware, side: int, ladder: Ladder) -> Plan:
    """The first plan of the ladder that fits, or the smallest."""
    plans: list[Plan] = []
    device, total, host = hardware.device, hardware.total_bytes, hardware.host_bytes
    reader = _name_largest(components, "text")
    rungs = [rung for rung in ladder.rungs[device] if rung.core[0] in hardware.forms]
    for rung, text, tiled in product(rungs, ladder.texts[device], ladder.tiled):
        if text[0] == "float32" != rung.core[0]:
            continue
        placed = tuple(Placement(one, *text) if one.name == reader else _place(one, rung) for one in components)
        plan = Plan(device, total, side, hardware.width, placed, tiled, host, workload=ladder.workload)
        for held in (plan, replace(plan, pinned=False)):
            if held.fits:
                return held
        plans.append(replace(plan, pinned=False))
    on_the_device = [plan for plan in plans if plan.peak_bytes <= plan.usable_bytes]
    if on_the_device:
        return min(on_the_device, key=lambda plan: plan.host_peak_bytes)
    return min(plans, key=lambda plan: plan.peak_bytes)


def _name_largest(components: Sequence[Component], phase: Phase) -> str:
    """The name of the phase's largest network; empty where it has none."""
    found = [each for each in components if each.phase == phase]
    return max(found, key=lambda each: each.wide).name if found else ""


def _place(one: Component, rung: Rung) -> Placement:
    if one.name == "transformer":
        return Placement(one, *rung.core)
    if one.phase == "sampling":
        form, residency = rung.parts
        return Placement(one, form, "streamed" if one.name in rung.streamed else residency)
    # The small ones work for a moment each, in full precision where that is affordable.
    full = one.exact or rung.core[0] == "float32"
    return Placement(one, "float32" if full else "bfloat16", "on-demand")


def _alternatives(components: Sequence[Component], hardware: Hardware, side: int, ladder: Ladder) -> Iterator[str]:
    """Each change that would make a plan fit: a smaller side, a method less, another form, more memory."""

    def fits(networks: Sequence[Component], machine: Hardware, side: int) -> bool:
        return _first_that_fits(networks, machine, side, ladder).fits

    for smaller in (768, 512):
        if smaller < side and fits(components, hardware, smaller):
            yield f"a working side of {smaller} px"
            break
    for part in sorted({each.part for each in components if each.part}):
        rest = [each for each in components if each.part != part]
        if fits(rest, hardware, side):
            yield f"switching {part} off"
    for form, called in OTHER_FORMS.items():
        other = replace(hardware, forms=hardware.forms | {form})
        if form not in hardware.forms and fits(components, other, side):
            yield called
    for gib in (8, 12, 16, 24, 32, 48, 64, 96, 128):
        if hardware.host_bytes is not None and gib * GIB > hardware.host_bytes:
            more = replace(hardware, host_bytes=gib * GIB)
            if fits(components, more, side):
                yield f"{gib} GiB of main memory"
                break
    for gib in (4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 80, 128):
        if fits(components, replace(hardware, total_bytes=gib * GIB), side):
            yield f"{gib} GiB of memory"
            break
