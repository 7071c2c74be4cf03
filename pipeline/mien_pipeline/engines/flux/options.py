"""What a person may ask of the identity stack on FLUX.1."""

from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import Field, model_validator

from mien_pipeline.options import SwapOptions

Fraction = Annotated[float, Field(ge=0, le=1)]
# A factor for every step in order; steps beyond the last one take the last one.
StepWeights = Annotated[tuple[Annotated[float, Field(ge=0, le=10)], ...], Field(max_length=100)]


# What the other bases were trained for, where nothing else is asked: schnell is distilled to four steps and reads no
# guidance, Fill expects a strong one and paints from nothing.
BASES: Mapping[str, Mapping[str, object]] = {
    "schnell": {"steps": 4},
    "fill": {"guidance_scale": 30.0, "strength": 1.0},
}

PRESETS: dict[str, dict[str, object]] = {
    "balanced": {},
    "likeness": {"strength": 0.85, "id_weight": 1.1, "ip_adapter_scale": 0.6, "controlnet_conditioning_scale": 0.8},
    "gentle": {"strength": 0.55, "id_weight": 0.7, "ip_adapter_scale": 0.3},
    "quick": {"steps": 12},
    "authors": {"id_weight": 1.0, "ip_adapter_scale": 1.0, "controlnet_conditioning_scale": 1.0},
}
# Where these numbers come from. No source ran the three methods together; `mien evaluate --claims guidance` does.
_BASE = "guidance 3.5 and 28 steps: diffusers' FluxPipeline"
ORIGINS: dict[str, str] = {
    "balanced": f"weights chosen, not calibrated; {_BASE}",
    "likeness": f"weights and strength chosen, not calibrated; {_BASE}",
    "gentle": f"weights and strength chosen, not calibrated; {_BASE}",
    "quick": "weights and 12 steps chosen, not calibrated",
    "authors": "each method's weight as its authors run it alone: PuLID 1.0 (id_weight, app_flux.py), InfiniteYou 1.0 "
    "(infusenet_conditioning_scale, pipeline_infu_flux.py), WithAnyone 1.0 (id_weight, infer_withanyone.py); together "
    f"not calibrated; {_BASE}",
}


class FluxOptions(SwapOptions, frozen=True):
    """The identity stack on FLUX.1. A part whose weight is 0 is switched off.

    Every part acts from its `start` to its `end`, fractions of the steps taken, with a factor for every step. Other
    bases than dev have defaults of their own (`BASES`). User interfaces show the controls in the order of the fields.
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
    strength: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="img2img noise level: lower keeps more of the target.",
        json_schema_extra={"control": "main", "step": 0.05},
    )
    base: Literal["dev", "schnell", "fill"] = Field(
        default="dev",
        description="Which FLUX.1 paints: schnell in 4 steps, fill from nothing.",
        json_schema_extra={"control": "advanced"},
    )
    prompt: str = Field(
        default="",
        max_length=2000,
        description="Empty: a photograph with natural skin.",
        json_schema_extra={"control": "advanced", "private": True},
    )
    negative_prompt: str = Field(
        default="",
        max_length=2000,
        description="Empty: plastic skin and the like. Read when true_cfg_scale is above 1.",
        json_schema_extra={"control": "advanced", "private": True},
    )
    id_weight: float = Field(
        default=0.8, ge=0, le=3, description="PuLID.", json_schema_extra={"control": "advanced", "step": 0.05}
    )
    id_start: Fraction = 0.0
    id_end: Fraction = 1.0
    id_steps: StepWeights = ()
    ip_adapter_scale: float = Field(
        default=0.4,
        ge=0,
        le=3,
        description="IP-Adapter FaceID.",
        json_schema_extra={"control": "advanced", "step": 0.05},
    )
    ip_adapter_start: Fraction = 0.0
    ip_adapter_end: Fraction = 1.0
    ip_adapter_steps: StepWeights = ()
    controlnet_conditioning_scale: float = Field(
        default=0.7,
        ge=0,
        le=3,
        description="InstantID's control net.",
        json_schema_extra={"control": "advanced", "step": 0.05},
    )
    control_start: Fraction = 0.0
    control_end: Fraction = 1.0
    control_steps: StepWeights = ()
    steps: int = Field(default=28, ge=1, le=100, json_schema_extra={"control": "advanced", "step": 1})
    guidance_scale: float = Field(
        default=3.5,
        ge=0,
        le=50,
        description="FLUX's distilled guidance.",
        json_schema_extra={"control": "advanced", "step": 0.1},
    )
    true_cfg_scale: float = Field(
        default=1.0,
        ge=1,
        le=20,
        description="Real classifier-free guidance; 1 is off.",
        json_schema_extra={"control": "advanced", "step": 0.1},
    )
    timestep_to_start_cfg: int = Field(
        default=1,
        ge=0,
        le=100,
        description="The step, counted from 0, that true_cfg_scale begins with, as in PuLID.",
        json_schema_extra={"control": "advanced", "step": 1},
    )
    side: int = Field(
        default=1024, ge=256, le=2048, multiple_of=16, description="Side of the square whose area is worked on."
    )
    cache_threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="First-block cache: how much a step may differ to be skipped; 0 skips none.",
    )
    decoder: Literal["full", "tiny"] = Field(default="full", description="tiny is TAEF1: quicker, coarser.")
    drift_gate: bool = Field(default=True, description="Try once more when the result is nearer to the target.")
    noise: Literal["picture", "face"] = Field(
        default="picture",
        description="What the seed's noise is laid on: the part of the picture that is worked on, or the face, with "
        "which it then moves. A clip always has it on the face: a face that moves through still noise flickers.",
    )

    def make_steady(self) -> "FluxOptions":
        """The same noise on the face in every picture, and one attempt at each."""
        return self.model_copy(update={"noise": "face", "drift_gate": False})

    @property
    def models(self) -> tuple[str, ...]:
        """The weights of another base, and of the small decoder."""
        from mien_pipeline.engines.flux.files import OTHER_BASES, TINY_VAE  # it knows the store

        base = () if self.base == "dev" else (OTHER_BASES[self.base],)
        return (*base, TINY_VAE) if self.decoder == "tiny" else base
