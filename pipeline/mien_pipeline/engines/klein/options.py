"""What a person may ask of FLUX.2 [klein] with the reference as a second picture."""

from typing import Literal

from pydantic import Field, model_validator

from mien_core.errors import InvalidOptions
from mien_pipeline.options import SwapOptions

# A second try begins from another noise; any number does that is not the seed of a neighbouring try.
SEED_STEP = 1_000_003

PRESETS: dict[str, dict[str, object]] = {
    "balanced": {},
    "head": {"region": "head"},
    "large-reference": {"reference_side": 1024},
}
_MAKERS = "4 steps without guidance: FLUX.2 [klein] 4B as its makers distilled it; LoRA at 1 as its author runs it"
ORIGINS: dict[str, str] = dict.fromkeys(PRESETS, f"sizes chosen, not calibrated; {_MAKERS}")


class KleinOptions(SwapOptions, frozen=True):
    """FLUX.2 [klein] 4B. User interfaces show the controls in the order of the fields.

    There is no strength: every run begins with pure noise, and reads the target beside it.
    """

    engine: Literal["klein"] = "klein"
    region: Literal["face", "head"] = Field(
        default="face",
        description="face keeps the target's hair; head swaps the head with its hair.",
        json_schema_extra={"control": "main"},
    )
    lora_scale: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="How strongly the head-swap LoRA acts; 0 does without it.",
        json_schema_extra={"control": "advanced", "step": 0.05},
    )
    steps: int = Field(default=4, ge=1, le=50, json_schema_extra={"control": "advanced", "step": 1})
    reference_side: int = Field(
        default=512,
        ge=256,
        le=1024,
        multiple_of=16,
        description="Side of the square that each reference picture is shown in.",
        json_schema_extra={"control": "advanced", "step": 16},
    )
    repeats: int = Field(
        default=1,
        ge=1,
        le=3,
        description="How often each reference picture is shown.",
        json_schema_extra={"control": "advanced", "step": 1},
    )
    prompt: str = Field(
        default="",
        max_length=2000,
        description="Empty: the words that the LoRA was made for.",
        json_schema_extra={"private": True},
    )
    # More would be more than 2^20 pixels, where the model's schedule breaks off.
    side: int = Field(
        default=1024, ge=256, le=1024, multiple_of=16, description="Side of the square whose area is worked on."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=4,
        description="Further tries where the face is not the reference's, or not in its place: another seed, then the "
        "reference twice, then 8 steps, then more of the LoRA.",
    )

    @model_validator(mode="after")
    def masks_keep_hair(self) -> "KleinOptions":
        """Raises `InvalidOptions`: mask networks would give the target its own hair back."""
        if self.region == "head" and self.masks:
            raise InvalidOptions("masks keep the target's hair, and region head replaces it", field="masks")
        return self

    def make_safer(self) -> "KleinOptions":
        """Another noise: what came out unnatural came from this one."""
        return self.model_copy(update={"seed": (self.seed + SEED_STEP) % (1 << 63)})

    def make_steady(self) -> "KleinOptions":
        """One try a picture: which of several was taken would change from picture to picture."""
        return self.model_copy(update={"retries": 0})

    @property
    def go_with_clips(self) -> bool:
        """No: the new face may be where a clip's analysis, which scores and fades it, does not look for it."""
        return False
