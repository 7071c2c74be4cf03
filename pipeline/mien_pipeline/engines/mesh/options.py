"""What a person may ask of the mesh engine."""

from typing import Literal

from pydantic import Field

from mien_pipeline.options import SwapOptions

PRESETS: dict[str, dict[str, object]] = {
    "balanced": {},
    "likeness": {"shape": 1.0, "mask": "face"},
    "gentle": {"shape": 0.4},
}


class MeshOptions(SwapOptions, frozen=True):
    """The embedded engine."""

    engine: Literal["mesh"] = "mesh"
    shape: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="How far the face's shape moves towards the reference's; 0 keeps the target's.",
        json_schema_extra={"control": "main", "step": 0.05},
    )
    gaze: Literal["target", "reference"] = Field(
        default="target",
        description="Whose eyes look out: the target's direction, or the reference's own eyes.",
        json_schema_extra={"control": "advanced"},
    )
    mask: Literal["auto", "face", "skin", "features"] = Field(
        default="auto",
        description="What is taken of the reference: its whole face, which is most like it; its bare skin and features "
        "alone, which leaves out hair and hands, and a beard; its features, on skin that is partly the target's and "
        "with the target's lips in its colour; or, with auto, its whole face where that looks natural, else features.",
        json_schema_extra={"control": "advanced"},
    )

    eyes: Literal["fitting", "target"] = Field(
        default="fitting",
        description="Whose eyes the face has: the reference's where they are about as open and look alike, or always "
        "the target's. A clip's are the target's: eyes that change from one to the other flicker.",
    )

    def make_steady(self) -> "MeshOptions":
        """The target's eyes in every picture."""
        return self.model_copy(update={"eyes": "target"})

    def make_safer(self) -> "MeshOptions | None":
        """The target's eyes and skin, with other features and shape of the reference; None where a person chose."""
        if self.mask != "auto":
            return None
        return self.model_copy(update={"gaze": "target", "eyes": "target", "mask": "features"})
