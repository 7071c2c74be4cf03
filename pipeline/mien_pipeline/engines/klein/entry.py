"""FLUX.2 [klein] as the registry lists it."""

from mien_pipeline.engines.entry import GIB, EngineEntry
from mien_pipeline.engines.klein.options import ORIGINS, PRESETS, KleinOptions

ENTRY = EngineEntry(
    name="klein",
    summary="experimental: FLUX.2 [klein] 4B, which reads the reference as a second picture",
    module="mien_pipeline.engines.klein.engine",
    networks="mien_pipeline.engines.klein.networks",
    measure="mien_pipeline.engines.klein.measure",
    check="mien_pipeline.engines.klein.files",
    options=KleinOptions,
    presets=PRESETS,
    origins=ORIGINS,
    seeded=True,
    models=(
        "flux-2-klein-4b-transformer",
        "flux-2-klein-4b-text",
        "flux-2-klein-4b-vae",
        "bfs-head-klein-4b",
    ),
    libraries=("torch", "diffusers", "transformers", "safetensors"),
    licence="every part free for commercial use (Apache-2.0; the LoRA MIT, its training pictures undocumented)",
    memory_bytes=4 * GIB,
    needs_accelerator=True,
    experimental=True,
    instead={
        "flux-2-klein-4b-transformer": ("flux-2-klein-4b-fp8", "flux-2-klein-4b-q8", "flux-2-klein-4b-q4"),
        "bfs-head-klein-4b": ("bfs-head-klein-4b-v1",),
    },
)
