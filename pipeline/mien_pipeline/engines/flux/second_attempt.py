"""What a second attempt changes when the drift gate refuses the first."""

from mien_pipeline.engines.diffusion.drift import is_nearer_to_target, is_pulled_away
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.report import IdentityScores

# Judged, not measured: factors and steps of a second attempt.
STRONGER = 1.25
BOLDER = 0.1
CALMER = 0.75
HEAVIEST = 1.5


def adjust(options: FluxOptions, scores: IdentityScores) -> FluxOptions | None:
    """The options of a second attempt; None when the first one passes the gate.

    Nearer to the target: the identity acts more strongly, and more noise leaves less of the target. Pulled away from
    the reference: the prompt's guidance is lowered.
    """
    change: dict[str, float] = {}
    if is_nearer_to_target(scores):
        change["strength"] = min(1.0, options.strength + BOLDER)
        for name in ("id_weight", "ip_adapter_scale", "controlnet_conditioning_scale"):
            weight: float = getattr(options, name)
            change[name] = max(weight, min(HEAVIEST, weight * STRONGER))
    if is_pulled_away(scores):
        change["true_cfg_scale"] = max(1.0, options.true_cfg_scale * CALMER)
        change["guidance_scale"] = min(options.guidance_scale, max(1.0, options.guidance_scale * CALMER))
    return options.model_copy(update=change) if change else None
