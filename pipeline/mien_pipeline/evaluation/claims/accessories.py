"""Accessories: what is worn or held before the face stays, and the face around it is swapped."""

from collections.abc import Callable, Sequence

from mien_pipeline.evaluation.accessories.covers import draw_cup, draw_hand, draw_mask
from mien_pipeline.evaluation.accessories.glasses import draw_glasses
from mien_pipeline.evaluation.accessories.worn import draw_cap, draw_ear_rings
from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.look import measure_kept_accessory
from mien_pipeline.evaluation.transforms import require_mesh
from mien_pipeline.face import Face, Mesh
from mien_pipeline.image import Pixels

WORN, COVERED = "what is worn or held", "face behind a hand, %"
_CUP, _CLOTH = (232, 228, 220), (120, 170, 200)
DRAWN: dict[str, Callable[[Pixels, Mesh], Pixels]] = {
    "clear glasses": lambda pixels, mesh: draw_glasses(pixels, mesh, "square", "clear"),
    "tinted glasses": lambda pixels, mesh: draw_glasses(pixels, mesh, "round", "tinted"),
    "dark glasses": lambda pixels, mesh: draw_glasses(pixels, mesh, "pilot", "black"),
    "cap": draw_cap,
    "ear-rings": draw_ear_rings,
    "mask": lambda pixels, mesh: draw_mask(pixels, mesh, _CLOTH)[0],
    "cup": lambda pixels, mesh: draw_cup(pixels, mesh, _CUP)[0],
}
_QUICK = ("clear glasses", "cap", "mask")
SHARES: dict[Suite, tuple[int, ...]] = {"quick": (20,), "full": (10, 20, 40, 60)}


def axes(suite: Suite) -> Sequence[Axis]:
    worn = [Level(place, WORN, label=name) for place, name in enumerate(DRAWN) if suite == "full" or name in _QUICK]
    return [Axis(WORN, worn), Axis(COVERED, [Level(share, COVERED) for share in SHARES[suite]])]


def change(pixels: Pixels, face: Face, level: Level, _seed: int) -> Pixels:
    """See `claim.Change`."""
    mesh = require_mesh(face)
    if level.series == COVERED:
        return draw_hand(pixels, mesh, level.value / 100)
    return DRAWN[level.name](pixels, mesh)


CLAIM = Claim(
    name="accessories",
    says="Glasses, caps, masks, cups and hands before a face stay as they are.",
    axes=axes,
    change=change,
    measure=measure_kept_accessory,
    columns={"kept": "of its pixels kept", "structure": "its structure"},
)
