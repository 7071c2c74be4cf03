"""What a person may ask of a swap: one frozen model an engine, checked the same on every way in.

No numpy here: the daemon's front process reads requests with these.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from mien_core.errors import InvalidOptions, UnknownEngine

FaceChoice = Literal["largest", "all"] | tuple[Annotated[int, Field(ge=0, lt=100)], ...]
Format = Literal["jpeg", "png", "webp", "avif", "tiff"]


class SwapOptions(BaseModel, frozen=True, extra="forbid"):
    """What every engine understands."""

    engine: str
    faces: FaceChoice = Field(default="largest", description="Which faces to swap; indices count from the left.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed repeats a result on one machine.")
    format: Format | None = Field(default=None, description="The result's format; by default the target's own.")
    restore: float = Field(default=0.0, ge=0, le=1, description="How much of Vivid's skin detail to add; 0 is off.")


class MeshOptions(SwapOptions, frozen=True):
    """The embedded engine."""

    engine: Literal["mesh"] = "mesh"
    shape: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="How far the face's shape moves towards the reference's; 0 keeps the target's.",
    )
    gaze: Literal["target", "reference"] = Field(
        default="target", description="Whose eyes look out: the target's direction, or the reference's own eyes."
    )


class InswapperOptions(SwapOptions, frozen=True):
    """The 128-pixel GAN baseline."""

    engine: Literal["inswapper"] = "inswapper"


Fraction = Annotated[float, Field(ge=0, le=1)]
# A factor for every step in order; the last one goes on to the end.
StepWeights = Annotated[tuple[Annotated[float, Field(ge=0, le=10)], ...], Field(max_length=100)]


# What the other bases were trained for, where nothing else is asked: schnell is distilled to four steps and reads no
# guidance, Fill expects a strong one and paints from nothing.
BASES: Mapping[str, Mapping[str, object]] = {
    "schnell": {"steps": 4},
    "fill": {"guidance_scale": 30.0, "strength": 1.0},
}


class FluxOptions(SwapOptions, frozen=True):
    """The identity stack on FLUX.1. A part whose weight is 0 is switched off.

    Every part acts from its `start` to its `end`, fractions of the steps taken, with a factor for every step. Other
    bases than dev have defaults of their own (`BASES`).
    """

    @model_validator(mode="before")
    @classmethod
    def as_the_base_was_trained(cls, given: object) -> object:
        """The base's defaults under what was asked for."""
        if not isinstance(given, Mapping):
            return given
        asked = cast("Mapping[str, object]", given)
        return {**BASES.get(str(asked.get("base")), {}), **asked}

    engine: Literal["flux"] = "flux"
    base: Literal["dev", "schnell", "fill"] = Field(
        default="dev", description="Which FLUX.1 paints: schnell in 4 steps, fill from nothing."
    )
    prompt: str = Field(default="", max_length=2000, description="Empty: a photograph with natural skin.")
    negative_prompt: str = Field(
        default="",
        max_length=2000,
        description="Empty: plastic skin and the like. Read when true_cfg_scale is above 1.",
    )
    side: int = Field(
        default=1024, ge=256, le=2048, multiple_of=16, description="Side of the square whose area is worked on."
    )
    steps: int = Field(default=28, ge=1, le=100)
    strength: float = Field(
        default=0.75, gt=0, le=1, description="img2img noise level: lower keeps more of the target."
    )
    guidance_scale: float = Field(default=3.5, ge=0, le=50, description="FLUX's distilled guidance.")
    true_cfg_scale: float = Field(default=1.0, ge=1, le=20, description="Real classifier-free guidance; 1 is off.")
    id_weight: float = Field(default=0.8, ge=0, le=3, description="PuLID.")
    id_start: Fraction = 0.0
    id_end: Fraction = 1.0
    id_steps: StepWeights = ()
    ip_adapter_scale: float = Field(default=0.4, ge=0, le=3, description="IP-Adapter FaceID.")
    ip_adapter_start: Fraction = 0.0
    ip_adapter_end: Fraction = 1.0
    ip_adapter_steps: StepWeights = ()
    controlnet_conditioning_scale: float = Field(default=0.7, ge=0, le=3, description="InstantID's control net.")
    control_start: Fraction = 0.0
    control_end: Fraction = 1.0
    control_steps: StepWeights = ()
    cache_threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="First-block cache: how much a step may differ to be skipped; 0 skips none.",
    )
    decoder: Literal["full", "tiny"] = Field(default="full", description="tiny is TAEF1: quicker, coarser.")
    drift_gate: bool = Field(default=True, description="Try once more when the result is nearer to the target.")


AnyOptions = Annotated[MeshOptions | InswapperOptions | FluxOptions, Field(discriminator="engine")]
_ADAPTER: TypeAdapter[MeshOptions | InswapperOptions | FluxOptions] = TypeAdapter(AnyOptions)
DEFAULT_ENGINE = "mesh"
OPTIONS_OF: dict[str, type[SwapOptions]] = {"mesh": MeshOptions, "inswapper": InswapperOptions, "flux": FluxOptions}
ENGINE_NAMES = tuple(OPTIONS_OF)


def parse_options(raw: Mapping[str, object]) -> MeshOptions | InswapperOptions | FluxOptions:
    """Options from a request or a command line.

    Raises:
        UnknownEngine: no engine has that name.
        InvalidOptions: `field` names the first option that has no such name or no such value.
    """
    named = {"engine": DEFAULT_ENGINE, **raw}
    if named["engine"] not in ENGINE_NAMES:
        raise UnknownEngine(f"there is no engine called {named['engine']!r}", field="engine", known=list(ENGINE_NAMES))
    try:
        return _ADAPTER.validate_python(named)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"][1:2]) or "options"
        if first["type"] == "extra_forbidden":
            raise InvalidOptions(f"{named['engine']} has no option {field!r}", field=field) from None
        raise InvalidOptions(f"{field}: {first['msg']}", field=field) from None
