"""Expression: an open mouth and shut eyes of the target stay open and shut."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.look import measure_openness
from mien_pipeline.evaluation.moved import close_eyes, open_mouth
from mien_pipeline.face import Face
from mien_pipeline.image import Pixels

MOUTH, LIDS = "mouth opened, % of its width", "eyes closed, %"
# The mesh reads little of an opening beyond a fifth.
OPENINGS: dict[Suite, tuple[int, ...]] = {"quick": (0, 20), "full": (0, 5, 10, 20, 30)}
CLOSINGS: dict[Suite, tuple[int, ...]] = {"quick": (100,), "full": (25, 50, 75, 100)}


def axes(suite: Suite) -> Sequence[Axis]:
    return [
        Axis(MOUTH, [Level(opening, MOUTH) for opening in OPENINGS[suite]]),
        Axis(LIDS, [Level(closing, LIDS) for closing in CLOSINGS[suite]]),
    ]


def change(pixels: Pixels, face: Face, level: Level, _seed: int) -> Pixels:
    """See `claim.Change`."""
    moved = close_eyes if level.series == LIDS else open_mouth
    return moved(pixels, face, level.value / 100)


CLAIM = Claim(
    name="expression",
    says="The result's mouth and lids are open as far as the target's.",
    axes=axes,
    change=change,
    measure=measure_openness,
    columns={"mouth": "mouth ÷ target's", "lids": "lids off, %"},
)
