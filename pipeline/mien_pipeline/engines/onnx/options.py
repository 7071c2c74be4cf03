"""What a person may ask of the GAN engines; each row has its own options, made from the row."""

from functools import cache
from typing import Any, Literal

from pydantic import Field, create_model

from mien_models.catalogue.networks import PictureIdentity, Swapper
from mien_pipeline.options import SwapOptions

# The plain reference; FaceFusion's slider has the same middle.
PLAIN = 0.5


class OnnxOptions(SwapOptions, frozen=True):
    """A GAN of the table."""

    boost: int = Field(
        default=0,
        description="The side of the face that is painted, in pixels; the network paints it in parts of its own side. "
        "Twice the side takes five times the time.",
        json_schema_extra={"control": "advanced"},
    )


class VectorOptions(OnnxOptions, frozen=True):
    """A GAN that is told a face as a vector."""

    identity_weight: float = Field(
        default=PLAIN,
        ge=0,
        le=1,
        description="How much of the reference's identity: 0.5 is plainly the reference's, less mixes the target's "
        "in, more moves away from the target's person.",
        json_schema_extra={"control": "main", "step": 0.05},
    )


@cache
def make_options(name: str, row: Swapper) -> type[OnnxOptions]:
    """The options of the engine of that name: `engine` is its name, `boost` one of the row's sides."""
    kind = OnnxOptions if isinstance(row.identity, PictureIdentity) else VectorOptions
    literal: Any = Literal  # its values are known when the row is read
    boost: Any = kind.model_fields["boost"]
    words = "".join(part.capitalize() for part in name.split("-"))
    sides = Field(default=row.side, description=boost.description, json_schema_extra=boost.json_schema_extra)
    made: type[OnnxOptions] = create_model(
        f"{words}Options",
        __base__=kind,
        __doc__=f"{row.summary[0].upper()}{row.summary[1:]}.",
        engine=(literal[name], name),
        boost=(literal[row.sides], sides),
    )
    return made
