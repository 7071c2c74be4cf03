"""What the command line and the API say of an engine: ready, or what a person has to do first."""

from mien_pipeline.engines import EngineEntry, missing_models
from mien_pipeline.models.store import ModelStore


def describe(entry: EngineEntry, store: ModelStore, device: str) -> dict[str, object]:
    """An engine's document; `device` is where engines that can use an accelerator would run."""
    libraries = entry.missing_libraries
    models = missing_models(entry.name, store)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "state": "needs-libraries" if libraries else "needs-models" if models else "ready",
        "missing_libraries": list(libraries),
        "missing_models": list(models),
        "licence": entry.licence,
        "device": device if entry.libraries else "cpu",
        "memory_bytes": entry.memory_bytes,
    }
