"""What the command line and the API say of an engine: ready, or what a person has to do first."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, TypedDict

from mien_core.errors import EngineUnavailable, UnknownEngine
from mien_models.environments.environment import EngineEnvironment
from mien_models.environments.offer import InstallOffer, offer_install
from mien_models.store import ModelStore
from mien_pipeline.engines.entry import CHOSEN, EngineEntry
from mien_pipeline.engines.registry import ENGINES, missing_models, unverified_models
from mien_pipeline.masks.rows import describe_masks
from mien_pipeline.options import SwapOptions
from mien_pipeline.restorers.rows import describe_rows

if TYPE_CHECKING:
    from mien_pipeline.accelerator import Accelerator


class Surroundings:
    """What is looked at once for every engine: the machine, and what the engines' environment would take."""

    def __init__(self, store: ModelStore) -> None:
        self.environment = EngineEnvironment(store.root)

    @cached_property
    def machine(self) -> "Accelerator":
        from mien_pipeline.accelerator import see_accelerator  # the daemon's front process is small until a page asks

        return see_accelerator()

    @cached_property
    def offer(self) -> InstallOffer:
        return offer_install(self.environment)


def describe_all(store: ModelStore, device: str, around: Surroundings | None = None) -> list[dict[str, object]]:
    """Every engine's document; see `describe`."""
    around = around or Surroundings(store)
    return [describe(entry, store, device, around) for entry in ENGINES.values()]


def describe(
    entry: EngineEntry, store: ModelStore, device: str, around: Surroundings | None = None
) -> dict[str, object]:
    """An engine's document; `device` is where engines that can use an accelerator would run."""
    from mien_pipeline.engines.fitness import judge_fitness  # as in `Surroundings`

    around = around or Surroundings(store)
    libraries, environment = entry.missing_libraries, around.environment
    if libraries and environment.serves(entry.name):
        libraries = ()
    is_outdated = bool(libraries) and environment.state == "outdated"
    models = missing_models(entry.name, store)
    fitness = judge_fitness(entry, store, around.machine)
    part = describe_part(entry.name, around.offer) if libraries else None
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
        "fetch_models": list(fitness.missing),
        "unverified_models": list(unverified_models(entry.name, store)),
        "licence": entry.licence,
        "seeded": entry.seeded,
        "experimental": entry.experimental,
        "device": device if entry.libraries else "cpu",
        "memory_bytes": entry.memory_bytes,
        "fits": fitness.fits,
        "fits_why": fitness.why,
        "download_bytes": fitness.download_bytes + (part["download_bytes"] if part else 0),
        "part": part,
        "options": {**describe_own_options(entry.options)}
        | describe_restorer_options(store)
        | describe_mask_option(store),
        "presets": [
            {"name": name, "options": dict(options), "origin": entry.origins.get(name, CHOSEN)}
            for name, options in entry.presets.items()
        ],
    }


class Part(TypedDict):
    """What an engine runs on beyond the core, while it is not there."""

    download_bytes: int
    device: str
    found: str
    obstacle: str | None
    why: str
    command: str


def describe_part(engine: str, offer: InstallOffer) -> Part:
    """What `mien engines install` would fetch here, or what stands in its way."""
    # Where the lock file has no torch for the accelerator, it may have one that runs without.
    instead = " --device cpu" if offer.obstacle == "not-locked" and offer.device != "cpu" else ""
    return {
        "download_bytes": offer.download_bytes,
        "device": offer.device,
        "found": offer.found,
        "obstacle": offer.obstacle,
        "why": offer.why,
        "command": f"mien engines install {engine}{instead}",
    }


def require_installable(name: str) -> None:
    """Return for an engine that runs on more than the core has.

    Raises:
        UnknownEngine: there is no such engine.
        EngineUnavailable: it needs no environment; `reason` is "embedded".
    """
    if name not in ENGINES:
        raise UnknownEngine(f"there is no engine called {name!r}", field="engine", known=sorted(ENGINES))
    if not ENGINES[name].libraries:
        raise EngineUnavailable(f"{name} needs nothing to be installed", engine=name, reason="embedded")


@cache
def describe_own_options(kind: type[SwapOptions]) -> Mapping[str, object]:
    """What an engine understands beyond what all of them do: name → its JSON schema, with default and meaning.

    Those of all of them that have a control come last. The order is that in which a user interface shows them;
    `options.py` says what `private`, `control` and `step` mean.
    """
    members: dict[str, dict[str, object]] = kind.model_json_schema()["properties"]
    own = [name for name in members if name not in SwapOptions.model_fields]
    own += [name for name in SwapOptions.model_fields if "control" in members[name]]
    return {name: {key: value for key, value in members[name].items() if key != "title"} for name in own}


def describe_restorer_options(store: ModelStore) -> dict[str, object]:
    """The restorers that are ready, as a choice, and CodeFormer's weight where it is one of them.

    Empty where there is no choice. As `describe_own_options`, name → JSON schema.
    """
    ready = [str(each["name"]) for each in describe_rows(store) if each["state"] == "ready"]
    if len(ready) < 2:
        return {}
    members: dict[str, dict[str, object]] = SwapOptions.model_json_schema()["properties"]
    told = {"restorer": {**members["restorer"], "enum": ready, "control": "advanced"}}
    if any(row.weight for name, row in store.catalogue.enhancers.items() if name in ready):
        told["fidelity"] = {**members["fidelity"], "control": "advanced", "step": 0.05}
    return {name: {key: value for key, value in schema.items() if key != "title"} for name, schema in told.items()}


def describe_mask_option(store: ModelStore) -> dict[str, object]:
    """The masks that are ready, of which any number may be taken; empty where none is. As `describe_own_options`."""
    ready = [str(each["name"]) for each in describe_masks(store) if each["state"] == "ready"]
    if not ready:
        return {}
    schema: dict[str, object] = SwapOptions.model_json_schema()["properties"]["masks"]
    told = {key: value for key, value in schema.items() if key != "title"}
    return {"masks": {**told, "default": [], "items": {"type": "string", "enum": ready}, "control": "advanced"}}
