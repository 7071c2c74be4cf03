"""Where a new face will be, for what need not wait until it is drawn."""

from dataclasses import dataclass

from mien_pipeline.image import Floats, Mask, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """What is known of a region before the new face is drawn: all but its pixels.

    Attributes:
        moved: (H, W, 3) uint8 RGB, the target drawn to the new shape.
        changed, own, origins: as in `Rendered`.
    """

    moved: Pixels
    changed: Mask
    own: Mask
    origins: Floats


def ignore_placed(placed: Placed) -> None:
    """A listener that does nothing."""
