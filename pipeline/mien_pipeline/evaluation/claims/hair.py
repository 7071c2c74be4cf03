"""Hair: a bald reference on hair and the reverse; the hair drawn away overstates a forehead's edge."""

from collections.abc import Sequence

from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.hair import shave
from mien_pipeline.evaluation.look import measure_hair
from mien_pipeline.face import Face
from mien_pipeline.image import Pixels

PAIRS = ("as they are", "bald reference", "bald target")


def axes(_suite: Suite) -> Sequence[Axis]:
    return [Axis("hair", [Level(place, label=name) for place, name in enumerate(PAIRS)])]


def change(pixels: Pixels, face: Face, level: Level, _seed: int) -> Pixels:
    """See `claim.Change`."""
    return shave(pixels, face) if level.name == "bald target" else pixels


def change_reference(pixels: Pixels, face: Face, level: Level, _seed: int) -> Pixels:
    """See `claim.Change`."""
    return shave(pixels, face) if level.name == "bald reference" else pixels


CLAIM = Claim(
    name="hair",
    says="The target keeps its hair, and no edge shows where the new forehead meets it.",
    axes=axes,
    change=change,
    change_reference=change_reference,
    measure=measure_hair,
    columns={"hair": "of hair's pixels kept", "edge": "forehead's edge ÷ target's"},
)
