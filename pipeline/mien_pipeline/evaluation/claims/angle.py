"""Hard angles: the target's face turned on its own mesh, which overstates trouble (see `transforms.turn`)."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.moved import turn

YAWS: dict[Suite, tuple[int, ...]] = {
    "quick": (-36, 0, 36),
    "full": (-60, -48, -36, -24, -12, 0, 12, 24, 36, 48, 60),
}


def axes(suite: Suite) -> Sequence[Axis]:
    return [Axis("yaw as drawn, degrees", [Level(yaw) for yaw in YAWS[suite]])]


CLAIM = Claim(
    name="angle",
    says="A turned head is swapped up to 44° as it is read, and refused beyond rather than spoilt.",
    axes=axes,
    change=lambda pixels, face, level, _seed: turn(pixels, face, level.value),
)
