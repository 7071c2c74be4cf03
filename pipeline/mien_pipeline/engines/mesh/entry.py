"""The mesh engine as the registry lists it."""

from mien_pipeline.engines.entry import GIB, EngineEntry
from mien_pipeline.engines.mesh.options import PRESETS, MeshOptions

ENTRY = EngineEntry(
    name="mesh",
    summary="3-D face mesh, textured and relit; the embedded default",
    module="mien_pipeline.engines.mesh.engine",
    networks="mien_pipeline.engines.mesh.networks",
    options=MeshOptions,
    presets=PRESETS,
    models=("iris", "covers"),
    libraries=(),
    licence="Apache-2.0",
    memory_bytes=GIB // 4,
)
