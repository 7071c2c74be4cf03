"""The ways to hold the networks, from the fastest to the smallest, for every kind of device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import ONE_PICTURE, DeviceKind, Residency, Workload


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
# From the fastest to the smallest. float8 is stored, and cast to bfloat16 layer by layer. Apple's GPUs have no float8:
# the transformer comes as GGUF there. Their memory is one, so what does not fit is streamed from the disk.
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
    "discrete": (
        ("bfloat16", "on-demand"),
        ("float8", "on-demand"),
        ("bfloat16", "streamed"),
        ("float8", "streamed"),
    ),
    "unified": (("bfloat16", "on-demand"), ("bfloat16", "streamed")),
    "cpu": (("float32", "on-demand"), ("bfloat16", "on-demand")),
}


@dataclass(frozen=True, slots=True)
class Ladder:
    """An engine's ways to hold its networks, from the fastest to the smallest.

    Attributes:
        rungs: by the kind of device.
        texts: forms and residencies of the largest text encoder.
        tiled: whether its VAE works in tiles; what is tried first, first.
        workload: what its transformer reads.
    """

    rungs: Mapping[DeviceKind, tuple[Rung, ...]]
    texts: Mapping[DeviceKind, tuple[tuple[NumberFormat, Residency], ...]]
    tiled: tuple[bool, ...] = (False, True)
    workload: Workload = ONE_PICTURE


IDENTITY_STACK = Ladder(LADDERS, TEXT_FORMS)
