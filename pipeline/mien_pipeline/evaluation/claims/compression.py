"""Compression and blur: what a JPEG keeps, and a camera that moved."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.transforms import blur_by_motion, compress
from mien_pipeline.face import Face
from mien_pipeline.image import Pixels

QUALITIES: dict[Suite, tuple[int, ...]] = {"quick": (95, 40, 20), "full": (95, 80, 60, 40, 20)}
LENGTHS: dict[Suite, tuple[int, ...]] = {"quick": (9,), "full": (5, 9, 15, 21)}
JPEG, MOTION = "JPEG quality", "motion blur, px"


def axes(suite: Suite) -> Sequence[Axis]:
    return [
        Axis(JPEG, [Level(quality, JPEG) for quality in QUALITIES[suite]]),
        Axis(MOTION, [Level(length, MOTION) for length in LENGTHS[suite]]),
    ]


def change(pixels: Pixels, _face: Face, level: Level, _seed: int) -> Pixels:
    """See `claim.Change`."""
    return blur_by_motion(pixels, level.value) if level.series == MOTION else compress(pixels, level.value)


CLAIM = Claim(
    name="compression",
    says="Compressed and blurred targets are swapped as well as clean ones.",
    axes=axes,
    change=change,
)
