"""FLUX.2 [klein]: which of the choices that nobody has measured serve a swap best.

The table is empty until a person who has the weights runs `mien evaluate --engine klein --claims context`. With the
LoRA's other version installed the same command fills a second table.
"""

from collections.abc import Sequence

from mien_pipeline.engines.klein.options import PRESETS
from mien_pipeline.evaluation.claim import Axis, Claim, Level, Suite
from mien_pipeline.evaluation.look import Look
from mien_pipeline.faces.topology import face_width
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.mask import oval_mask

VALUES: dict[Suite, dict[str, tuple[float, ...]]] = {
    "quick": {"lora_scale": (0, 1), "reference_side": (512, 1024), "steps": (4, 8)},
    "full": {"lora_scale": (0, 0.5, 0.8, 1, 1.2), "reference_side": (512, 768, 1024), "steps": (4, 6, 8),
             "repeats": (1, 2, 3), "side": (768, 1024)},
}  # fmt: skip
# One try a case: what a further one mends would hide what the choice did.
ONE_TRY = {"retries": 0}


def axes(suite: Suite) -> Sequence[Axis]:
    """Each choice by itself around the defaults, then every preset."""
    choices = [
        Axis(name, [Level(value, options={name: value if name == "lora_scale" else int(value), **ONE_TRY})
                    for value in values])
        for name, values in VALUES[suite].items()
    ]  # fmt: skip
    presets = [
        Level(place, options={**options, **ONE_TRY}, label=name)
        for place, (name, options) in enumerate(PRESETS.items())
    ]
    return [*choices, Axis("preset", presets)]


def measure(look: Look) -> dict[str, float]:
    """`grown`: the face's width by the target's. `contour`: mean colour difference (CIE76) outside its contour."""
    outside = 1 - oval_mask(look.before.shape[:2], look.mesh, feather=0.0)
    apart = ((to_lab(look.before) - to_lab(look.after)) ** 2).sum(2) ** 0.5
    return {
        "grown": round(face_width(look.found) / max(face_width(look.mesh), 1e-6), 4),
        "contour": round(float((apart * outside).sum() / max(float(outside.sum()), 1.0)), 4),
    }


CLAIM = Claim(
    name="context",
    says="The head keeps its size and place, and nothing outside the face's contour changes, whatever is chosen.",
    axes=axes,
    seeds={"quick": 1, "full": 3},
    engines=("klein",),
    measure=measure,
    columns={"grown": "face ÷ target's", "contour": "ΔE outside the contour"},
)
