"""inswapper as the registry lists it."""

from mien_pipeline.engines.entry import GIB, EngineEntry
from mien_pipeline.engines.onnx.options import InswapperOptions

ENTRY = EngineEntry(
    name="inswapper",
    summary="the 128-pixel GAN baseline",
    module="mien_pipeline.engines.onnx.inswapper",
    networks="mien_pipeline.engines.onnx.networks",
    options=InswapperOptions,
    models=("inswapper",),
    libraries=("onnxruntime", "onnx"),
    licence="InsightFace weights: non-commercial research only",
    points="arcface",
    memory_bytes=2 * GIB,
)
