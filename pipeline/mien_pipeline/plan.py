"""The memory plan: which network lives where, in which number format, and what the peak of that is. No torch here.

Weights are summed from names and shapes. Activations are estimated from the networks' layout and were not measured on
an accelerator; `RESERVE_BYTES` stands for what a driver and a display take.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Literal

from mien_core.errors import NotEnoughMemory

GIB = 1 << 30

# A card with memory of its own, a machine whose processor and graphics share one, and no accelerator at all.
DeviceKind = Literal["discrete", "unified", "cpu"]
NumberFormat = Literal["float32", "bfloat16", "float8", "int8", "nf4", "gguf-q8", "gguf-q4"]
Residency = Literal["resident", "streamed", "on-demand"]
Phase = Literal["identity", "text", "picture", "sampling"]
PHASES: tuple[Phase, ...] = ("identity", "text", "picture", "sampling")

# Bytes of one parameter of a matrix. The 4-bit formats keep a scale for every block: NF4 four bytes for 64 values,
# GGUF's Q4_0 two for 32 and Q8_0 two for 32. Norms and biases stay in bfloat16 whatever the matrices are.
BYTES: dict[NumberFormat, float] = {
    "float32": 4.0,
    "bfloat16": 2.0,
    "float8": 1.0,
    "int8": 1.0,
    "nf4": 0.5625,
    "gguf-q8": 1.0625,
    "gguf-q4": 0.5625,
}
RESERVE_BYTES = GIB * 3 // 4
# What macOS lets one process wire for the GPU: two thirds of a small machine's memory, three quarters of a large one's.
UNIFIED_SHARE = 0.7
DEFAULT_SIDE = 1024
# Widths of the hidden state alive at once in a single block: norm, query, key, value and two of them in float32 for
# the rotation, attention, four of the MLP, their concatenation (five) and the sum.
HIDDEN_UNITS = 20
# Full-size feature maps of the VAE's last stage alive at once, and their channels.
VAE_MAPS = 4
VAE_CHANNELS = 256
VAE_TILE = 512


@dataclass(frozen=True, slots=True)
class Component:
    """One network.

    Attributes:
        name: as the engine calls it.
        phase: when it works.
        wide, narrow: parameters of matrices, and of vectors.
        window: parameters that streaming keeps on the accelerator: what is outside the blocks and two blocks.
        part: the identity part that it belongs to, if any.
    """

    name: str
    phase: Phase
    wide: int
    narrow: int
    window: int
    part: str = ""

    def bytes_as(self, form: NumberFormat) -> int:
        vectors = 4.0 if form == "float32" else 2.0
        return int(self.wide * BYTES[form] + self.narrow * vectors)

    def window_as(self, form: NumberFormat) -> int:
        return min(int(self.window * BYTES[form]), self.bytes_as(form))


def component(
    name: str, phase: Phase, shapes: Mapping[str, tuple[int, ...]], part: str = "", leaves: bool = False
) -> Component:
    """A component from its tensors.

    Args:
        leaves: streamed one tensor at a time instead of one block at a time.
    """
    wide = {key: prod(shape) for key, shape in shapes.items() if len(shape) > 1}
    groups: dict[str, int] = {}
    outside = 0
    for key, size in wide.items():
        block = None if leaves else re.match(r"(.*?\.\d+)\.", key)
        if leaves:
            groups[key] = size
        elif block is None:
            outside += size
        else:
            groups[block[1]] = groups.get(block[1], 0) + size
    narrow = sum(prod(shape) for shape in shapes.values()) - sum(wide.values())
    window = outside + sum(sorted(groups.values())[-2:])
    return Component(name, phase, sum(wide.values()), narrow, window, part)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one component lives, and as what."""

    component: Component
    form: NumberFormat
    residency: Residency

    @property
    def accelerator_bytes(self) -> int:
        """While it works."""
        return (self.component.window_as if self.residency == "streamed" else self.component.bytes_as)(self.form)

    @property
    def waiting_bytes(self) -> int:
        """On the accelerator while others work."""
        return self.accelerator_bytes if self.residency == "resident" else 0

    @property
    def host_bytes(self) -> int:
        """In main memory, or on the disk where the memory is one."""
        return self.component.bytes_as(self.form) if self.residency != "resident" else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything lives and what that peaks at.

    Attributes:
        device: what computes.
        total_bytes: of its memory; `usable_bytes` of it may be planned with.
        side: of the square working picture, in pixels.
        width: of the transformer, for the activations.
        tiled: the VAE works in tiles.
    """

    device: DeviceKind
    total_bytes: int
    side: int
    width: int
    placements: tuple[Placement, ...]
    tiled: bool = False

    @property
    def usable_bytes(self) -> int:
        return usable(self.device, self.total_bytes)

    def of(self, name: str) -> Placement:
        return next(placement for placement in self.placements if placement.component.name == name)

    def phase_bytes(self, phase: Phase) -> int:
        """On the accelerator while `phase` runs."""
        waiting = sum(each.waiting_bytes for each in self.placements)
        working = [
            each.accelerator_bytes - each.waiting_bytes for each in self.placements if each.component.phase == phase
        ]
        # While sampling everything works at once; in the other phases one network after the other.
        return waiting + (sum(working) if phase == "sampling" else max(working, default=0)) + self.activations(phase)

    def activations(self, phase: Phase) -> int:
        """Estimated; see the module's docstring."""
        if not any(each.component.phase == phase for each in self.placements):
            return 0
        value = 4 if self.placements[0].form == "float32" else 2
        tokens = (self.side // 16) ** 2 + 512
        if phase == "sampling":
            control = sum(14 for each in self.placements if each.component.name == "control_net")
            return (HIDDEN_UNITS + control) * tokens * self.width * value
        if phase == "picture":
            side = min(self.side, VAE_TILE) if self.tiled else self.side
            return VAE_MAPS * VAE_CHANNELS * side * side * value
        return HIDDEN_UNITS * 512 * self.width * value

    @property
    def peak_bytes(self) -> int:
        return max(self.phase_bytes(phase) for phase in PHASES)

    @property
    def host_bytes(self) -> int:
        return sum(each.host_bytes for each in self.placements)

    @property
    def fits(self) -> bool:
        return self.peak_bytes <= self.usable_bytes

    def as_json(self) -> dict[str, object]:
        """What `mien plan --json` prints; sizes in bytes."""
        return {
            "device": self.device,
            "memory_bytes": self.total_bytes,
            "usable_bytes": self.usable_bytes,
            "side": self.side,
            "fits": self.fits,
            "peak_bytes": self.peak_bytes,
            "host_bytes": self.host_bytes,
            "streams_from": "disk" if self.device == "unified" else "main memory",
            "vae": "tiled" if self.tiled else "whole",
            "phases": {phase: self.phase_bytes(phase) for phase in PHASES},
            "components": [
                {
                    "name": each.component.name,
                    "part": each.component.part,
                    "phase": each.component.phase,
                    "dtype": each.form,
                    "where": each.residency,
                    "parameters": each.component.wide + each.component.narrow,
                    "accelerator_bytes": each.accelerator_bytes,
                    "host_bytes": each.host_bytes,
                }
                for each in self.placements
            ],
        }


def usable(device: DeviceKind, total_bytes: int) -> int:
    """What of a device's memory may be planned with."""
    return int(total_bytes * UNIFIED_SHARE) if device == "unified" else max(0, total_bytes - RESERVE_BYTES)


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to hold the networks that sample: the transformer's form and residency, then the others'."""

    core: tuple[NumberFormat, Residency]
    parts: tuple[NumberFormat, Residency]
    streamed: frozenset[str] = field(default_factory=frozenset[str])


# Forms that the transformer may be fetched in where full weights are too large.
OTHER_FORMS: dict[NumberFormat, str] = {
    "gguf-q8": "the transformer from a GGUF file in 8 bits",
    "gguf-q4": "the transformer from a GGUF file in 4 bits",
}
LARGE_PARTS = frozenset({"control_net", "faceid"})
# What the transformer is streamed as, block by block, where it cannot stay.
STREAMED: tuple[NumberFormat, ...] = ("float8", "gguf-q8", "gguf-q4")
# From the fastest to the smallest. float8 is stored and cast to bfloat16 layer by layer. Apple's GPUs have no float8,
# so the transformer comes as GGUF there, and what does not fit is streamed from the disk: it is all one memory.
LADDERS: dict[DeviceKind, tuple[Rung, ...]] = {
    "discrete": (
        Rung(("bfloat16", "resident"), ("bfloat16", "resident")),
        Rung(("float8", "resident"), ("bfloat16", "resident")),
        Rung(("gguf-q8", "resident"), ("bfloat16", "resident")),
        Rung(("float8", "resident"), ("float8", "resident")),
        Rung(("float8", "resident"), ("float8", "resident"), LARGE_PARTS),
        Rung(("gguf-q8", "resident"), ("float8", "resident"), LARGE_PARTS),
        Rung(("nf4", "resident"), ("float8", "resident")),
        Rung(("gguf-q4", "resident"), ("float8", "resident")),
        Rung(("nf4", "resident"), ("float8", "resident"), LARGE_PARTS),
        Rung(("gguf-q4", "resident"), ("float8", "resident"), LARGE_PARTS),
        *(Rung((form, "streamed"), ("float8", "resident")) for form in STREAMED),
        *(Rung((form, "streamed"), ("float8", "streamed")) for form in STREAMED),
    ),
    "unified": (
        Rung(("bfloat16", "resident"), ("bfloat16", "resident")),
        Rung(("gguf-q8", "resident"), ("bfloat16", "resident")),
        Rung(("gguf-q8", "resident"), ("bfloat16", "resident"), LARGE_PARTS),
        Rung(("gguf-q4", "resident"), ("bfloat16", "resident"), LARGE_PARTS),
    ),
    "cpu": (
        Rung(("float32", "resident"), ("float32", "resident")),
        Rung(("bfloat16", "resident"), ("bfloat16", "resident")),
        Rung(("int8", "resident"), ("bfloat16", "resident")),
        Rung(("gguf-q8", "resident"), ("bfloat16", "resident")),
        Rung(("gguf-q4", "resident"), ("bfloat16", "resident")),
    ),
}
TEXT_FORMS: dict[DeviceKind, tuple[tuple[NumberFormat, Residency], ...]] = {
    "discrete": (("bfloat16", "on-demand"), ("float8", "on-demand"), ("bfloat16", "streamed")),
    "unified": (("bfloat16", "on-demand"), ("bfloat16", "streamed")),
    "cpu": (("bfloat16", "on-demand"),),
}


@dataclass(frozen=True, slots=True)
class Machine:
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


def make_plan(components: Sequence[Component], machine: Machine, side: int = DEFAULT_SIDE) -> Plan:
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


def _first_that_fits(components: Sequence[Component], machine: Machine, side: int) -> Plan:
    """The first plan of the ladder that fits, or the smallest."""
    plans: list[Plan] = []
    rungs = [rung for rung in LADDERS[machine.device] if rung.core[0] in machine.forms]
    for rung, text, tiled in product(rungs, TEXT_FORMS[machine.device], (False, True)):
        placements = tuple(_placed(each, rung, text) for each in components)
        plan = Plan(machine.device, machine.total_bytes, side, machine.width, placements, tiled)
        if plan.fits:
            return plan
        plans.append(plan)
    return min(plans, key=lambda plan: plan.peak_bytes)


def _placed(one: Component, rung: Rung, text: tuple[NumberFormat, Residency]) -> Placement:
    if one.name == "transformer":
        return Placement(one, *rung.core)
    if one.phase == "sampling":
        form, residency = rung.parts
        return Placement(one, form, "streamed" if one.name in rung.streamed else residency)
    if one.name == "text_encoder_2":
        return Placement(one, *text)
    # The small ones work for a moment each, in full precision where that is affordable.
    return Placement(one, "float32" if rung.core[0] == "float32" else "bfloat16", "on-demand")


def _alternatives(components: Sequence[Component], machine: Machine, side: int) -> Iterator[str]:
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
