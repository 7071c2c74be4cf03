"""Light: less of it, with a sensor's noise, and from one side."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.transforms import dim, light_from_the_side
from mien_pipeline.face import Face
from mien_pipeline.image import Pixels

# As stops below full light, and as how many times more light one side has.
STOPS: dict[Suite, tuple[int, ...]] = {"quick": (0, 2, 4), "full": (0, 1, 2, 3, 4, 5)}
RATIOS: dict[Suite, tuple[float, ...]] = {"quick": (4,), "full": (2, 4, 8)}
DARK, SIDE = "light, stops down", "light from the left, ratio"


def axes(suite: Suite) -> Sequence[Axis]:
    return [
        Axis(DARK, [Level(stops, DARK) for stops in STOPS[suite]]),
        Axis(SIDE, [Level(ratio, SIDE) for ratio in RATIOS[suite]]),
    ]


def change(pixels: Pixels, face: Face, level: Level, seed: int) -> Pixels:
    """See `claim.Change`."""
    if level.series == SIDE:
        return light_from_the_side(pixels, face, level.value)
    return dim(pixels, 2.0**-level.value, seed)


CLAIM = Claim(
    name="light",
    says="A result has its target's light, in the dark and from the side, and stays the reference.",
    axes=axes,
    change=change,
)
