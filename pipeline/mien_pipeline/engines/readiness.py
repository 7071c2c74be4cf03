"""What the command line and the API say of an engine: ready, or what a person has to do first."""

from mien_models.environments.environment import EngineEnvironment
from mien_models.store import ModelStore
from mien_pipeline.engines.entry import CHOSEN, EngineEntry
from mien_pipeline.engines.registry import missing_models, unverified_models
from mien_pipeline.options import SwapOptions


def describe(entry: EngineEntry, store: ModelStore, device: str) -> dict[str, object]:
    """An engine's document; `device` is where engines that can use an accelerator would run."""
    libraries, environment = entry.missing_libraries, EngineEnvironment(store.root)
    if libraries and environment.serves(entry.name):
        libraries = ()
    is_outdated = bool(libraries) and environment.state == "outdated"
    models = missing_models(entry.name, store)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "state": "outdated"
        if is_outdated
        else "needs-libraries"
        if libraries
        else "needs-models"
        if models
        else "ready",
        "missing_libraries": list(libraries),
        "missing_models": list(models),
        "unverified_models": list(unverified_models(entry.name, store)),
        "licence": entry.licence,
        "device": device if entry.libraries else "cpu",
        "memory_bytes": entry.memory_bytes,
        "options": describe_own_options(entry.options),
        "presets": [
            {"name": name, "options": dict(options), "origin": entry.origins.get(name, CHOSEN)}
            for name, options in entry.presets.items()
        ],
    }


def describe_own_options(kind: type[SwapOptions]) -> dict[str, object]:
    """What an engine understands beyond what all of them do: name → its JSON schema, with default and meaning.

    Those of all of them that have a control come last. The order is that in which a user interface shows them;
    `options.py` says what `private`, `control` and `step` mean.
    """
    members: dict[str, dict[str, object]] = kind.model_json_schema()["properties"]
    own = [name for name in members if name not in SwapOptions.model_fields]
    own += [name for name in SwapOptions.model_fields if "control" in members[name]]
    return {name: {key: value for key, value in members[name].items() if key != "title"} for name in own}
