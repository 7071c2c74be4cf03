"""What was measured of a memory plan, and what was not."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mien_pipeline.plan.placement import GIB, Plan

# Sizes of cards, and of machines with one memory, for which a plan is made.
SIZES_GIB = (6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 80, 128)
# What is not asked of main memory, because other programs and this one's libraries work too.
LEFT_FREE_BYTES = GIB


@dataclass(frozen=True, slots=True)
class Rung:
    """One plan to be run."""

    name: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Measured:
    """What one rung took; bytes and seconds.

    Attributes:
        name: of the rung.
        held: the large networks, each as "form residency".
        planned_bytes, peak_bytes: on the device; None where torch counts none.
        planned_main_bytes, main_bytes: in main memory, at most. On a processor it is the device's memory too.
        seconds: from nothing loaded to the finished picture; `step_seconds` of each step after the first.
        held_bytes: of a network that was run alone: that its values take.
        finite: everything that was sampled or computed is a number.
        problem: what stopped it; empty where nothing did.
    """

    name: str
    held: Mapping[str, str]
    planned_bytes: int
    planned_main_bytes: int
    peak_bytes: int | None = None
    main_bytes: int = 0
    seconds: float = 0.0
    step_seconds: tuple[float, ...] = ()
    again_seconds: float = 0.0
    held_bytes: int = 0
    finite: bool = False
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not run, and why."""

    what: str
    why: str


OnMeasured = Callable[[Measured | LeftOut], None]
