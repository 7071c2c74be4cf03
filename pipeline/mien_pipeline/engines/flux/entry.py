"""FLUX.1 as the registry lists it."""

from mien_pipeline.engines.entry import GIB, EngineEntry
from mien_pipeline.engines.flux.options import ORIGINS, PRESETS, FluxOptions

ENTRY = EngineEntry(
    name="flux",
    summary="the identity stack on FLUX.1: PuLID, InstantID and IP-Adapter FaceID",
    module="mien_pipeline.engines.flux.engine",
    networks="mien_pipeline.engines.flux.networks",
    measure="mien_pipeline.engines.flux.measure.run",
    check="mien_pipeline.engines.flux.offer",
    options=FluxOptions,
    presets=PRESETS,
    origins=ORIGINS,
    seeded=True,
    models=(
        "flux-1-dev-transformer",
        "flux-1-dev-parts",
        "pulid-flux",
        "eva-clip",
        "infiniteyou",
        "withanyone",
        "antelopev2",
        "ir-se50",
        "face-parsing",
    ),
    libraries=("torch", "diffusers", "transformers", "safetensors", "insightface", "onnxruntime"),
    licence="FLUX.1 [dev]: non-commercial; InsightFace weights: non-commercial research only",
    points="arcface",
    memory_bytes=8 * GIB,
    instead={"flux-1-dev-transformer": ("flux-1-dev-single", "flux-1-dev-q8", "flux-1-dev-q4")},
)
