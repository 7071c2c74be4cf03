"""Small faces: the picture made smaller by area averaging."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.transforms import shrink

WIDTHS: dict[Suite, tuple[int, ...]] = {"quick": (24, 48, 96), "full": (16, 24, 32, 48, 64, 96, 128)}


def axes(suite: Suite) -> Sequence[Axis]:
    return [Axis("face width, px", [Level(width) for width in WIDTHS[suite]])]


CLAIM = Claim(
    name="size",
    says="Faces from 48 px on are swapped as well as large ones.",
    axes=axes,
    change=lambda pixels, face, level, _seed: shrink(pixels, face, level.value),
    ceiling=True,
)
