"""ENGINES: every engine by name, imported on demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from mien_core.errors import EngineUnavailable

if TYPE_CHECKING:
    from mien_models.store import ModelStore
    from mien_pipeline.protocols import Engine, Weights

GIB = 1 << 30

# The models that every swap takes, whatever the engine.
ALWAYS = ("face-detection", "face-mesh", "identity-score", "content-check", "watermark")


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """What there is to know of an engine before it is loaded.

    Attributes:
        name: as in options and reports.
        summary: what it is, in a few words.
        module: has `load(weights) -> Engine`; nothing of it is imported before it is wanted.
        models: names of the models it takes beyond those of every swap.
        instead: for some of those, others that can stand in.
        libraries: what must be importable; the `gpu` extra installs them.
        licence: what binds whoever uses the results.
        memory_bytes: main memory or, for a GPU engine, video memory it needs at least.
    """

    name: str
    summary: str
    module: str
    models: tuple[str, ...]
    libraries: tuple[str, ...]
    licence: str
    memory_bytes: int
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def missing_libraries(self) -> tuple[str, ...]:
        """The libraries that are not installed."""
        return tuple(library for library in self.libraries if find_spec(library) is None)

    def load(self, weights: "Weights") -> "Engine":
        """The engine, in memory.

        Raises:
            EngineUnavailable: `libraries` are not installed.
            ModelNotInstalled: a weight file is missing.
        """
        if missing := self.missing_libraries:
            raise EngineUnavailable(
                f"{self.name} needs {', '.join(missing)}", engine=self.name, libraries=list(missing)
            )
        return cast("Engine", import_module(self.module).load(weights))


ENGINES: dict[str, EngineEntry] = {
    entry.name: entry
    for entry in (
        EngineEntry(
            name="mesh",
            summary="3-D face mesh, textured and relit; the embedded default",
            module="mien_pipeline.engines.mesh.engine",
            models=("iris",),
            libraries=(),
            licence="Apache-2.0",
            memory_bytes=GIB // 4,
        ),
        EngineEntry(
            name="inswapper",
            summary="the 128-pixel GAN baseline",
            module="mien_pipeline.engines.onnx.inswapper",
            models=("inswapper",),
            libraries=("onnxruntime", "onnx"),
            licence="InsightFace weights: non-commercial research only",
            memory_bytes=2 * GIB,
        ),
        EngineEntry(
            name="flux",
            summary="the identity stack on FLUX.1: PuLID, InstantID and IP-Adapter FaceID",
            module="mien_pipeline.engines.flux.engine",
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
            memory_bytes=8 * GIB,
            instead={"flux-1-dev-transformer": ("flux-1-dev-single", "flux-1-dev-q8", "flux-1-dev-q4")},
        ),
    )
}


def needed_models(engine: str) -> tuple[str, ...]:
    """The names of the models that a swap with this engine takes."""
    return (*ALWAYS, *ENGINES[engine].models)


def missing_models(engine: str, store: "ModelStore") -> tuple[str, ...]:
    """What is to be pulled before this engine can swap; none where another model stands in."""
    instead = ENGINES[engine].instead
    return tuple(
        name
        for name in store.missing(needed_models(engine))
        if not any(store.is_installed(other) for other in instead.get(name, ()))
    )
