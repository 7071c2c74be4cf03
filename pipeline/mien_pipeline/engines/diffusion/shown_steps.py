"""What is being painted, shown while it is: the picture that a step heads for, decoded by TAEF1."""

import time
from collections.abc import Callable

from torch import Tensor

from mien_pipeline.face import Patch
from mien_pipeline.image import Image
from mien_pipeline.protocols import OnPatch
from mien_pipeline.sampling import Velocity

# At most two pictures a second, and never more than a tenth of the time for them.
INTERVAL_S = 0.5
SHARE = 0.1


def ignore_latents(_latents: Tensor) -> None:
    """A listener that does nothing."""


class ShownSteps:
    """Who is shown the steps, and when the next one is due. An engine and its likenesses share one."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.listener: OnPatch | None = None
        self._clock = clock
        self._due = 0.0

    def tell(self, target: Image, patch: Patch) -> None:
        """Show one patch."""
        if self.listener:
            self.listener(target, patch)

    def watch(self, velocity: Velocity, show: Callable[[Tensor], None]) -> Velocity:
        """`velocity`, with the latents that each step heads for shown: x₀ = x − σ·v on a straight path.

        Args:
            velocity: of the whole picture, with what is preserved.
            show: decodes latents (1, tokens, 64) and tells of them.
        """
        if self.listener is None:
            return velocity

        def watched(latents: Tensor, sigma: float, step: int) -> Tensor:
            ahead = velocity(latents, sigma, step)
            began = self._clock()
            if began >= self._due:
                show(latents - sigma * ahead)
                ended = self._clock()
                self._due = max(began + INTERVAL_S, ended + (ended - began) / SHARE)
            return ahead

        return watched
