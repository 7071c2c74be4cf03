"""How far a swap is."""

from collections.abc import Callable
from dataclasses import dataclass

# Share of a swap's time by stage, for a progress bar that does not jump: an engine's steps dwarf the rest.
STAGE_SHARES = {
    "identity": 0.07,
    "decode": 0.02,
    "check": 0.03,
    "detect": 0.03,
    "generate": 0.65,
    "restore": 0.1,
    "check-result": 0.02,
    "score": 0.02,
    "mark": 0.06,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a swap is: `done` of `total` steps of `stage`."""

    stage: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """0..1 of the whole swap."""
        before = 0.0
        for stage, share in STAGE_SHARES.items():
            if stage == self.stage:
                return min(1.0, before + share * self.done / max(1, self.total))
            before += share
        return 0.0


OnProgress = Callable[[Progress], None]
"""Told after every step; whatever it raises ends the swap."""

OnStep = Callable[[int, int], None]
"""(done, total) inside one stage; whatever it raises ends the stage."""


def ignore_progress(progress: Progress) -> None:
    """The listener for whoever does not listen."""


def ignore_step(done: int, total: int) -> None:
    """The listener for whoever does not listen."""
