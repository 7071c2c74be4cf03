"""ENGINES: every engine by name. An installed package may bring more; nothing heavy is imported to know them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from mien_core.errors import ModelNotInstalled, UnknownEngine
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.options import AUTO, AutoOptions, SwapOptions, validate

if TYPE_CHECKING:
    from mien_models.store import ModelStore

log = logging.getLogger(__name__)

GROUP = "mien.engines"
"""The entry-point group in which a package names its `EngineEntry`, as `name = "module:ENTRY"`."""
DEFAULT_ENGINE = "mesh"
# The engines of this package, in the order in which they are shown, named as a package of its own names its engine.
BUILT_IN = tuple(
    EntryPoint(name, f"mien_pipeline.engines.{module}:ENTRY", GROUP)
    for name, module in (("mesh", "mesh.entry"), ("flux", "flux.entry"), ("klein", "klein.entry"))
)

# The models that every swap takes, with any engine.
ALWAYS = ("face-detection", "face-mesh", "identity-score", "content-check", "watermark")


class Engines(Mapping[str, EngineEntry]):
    """Every engine by name. One of this package is imported when it is asked for, the others when all are.

    Asking for all of them reads the catalogue, whose table of swappers has the GAN engines.
    """

    @cached_property
    def _all(self) -> dict[str, EngineEntry]:
        from mien_models.catalogue.entries import load_catalogue  # a swap with the embedded engine needs no table
        from mien_pipeline.engines.onnx.entry import list_entries

        return find_engines(entry_points(group=GROUP), list_entries(load_catalogue()))

    def __getitem__(self, name: str) -> EngineEntry:
        if "_all" in self.__dict__:
            return self._all[name]
        built_in = next((point for point in BUILT_IN if point.name == name), None)
        return cast("EngineEntry", built_in.load()) if built_in else self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def find_engines(added: Iterable[EntryPoint], rows: Mapping[str, EngineEntry]) -> dict[str, EngineEntry]:
    """The engines of this package, then the rows of the catalogue, then those that other packages add.

    One that cannot be imported, is no `EngineEntry` or takes a name that is taken is left out, and the log says why.
    """
    found: dict[str, EngineEntry] = {point.name: point.load() for point in BUILT_IN}
    for name, row in rows.items():
        if name in found:
            log.error("the catalogue has a swapper %s, and that name is taken", name)
            continue
        found[name] = row
    for point in added:
        try:
            entry = point.load()
        except Exception:  # another package may raise anything; the other engines still work
            log.exception("the engine %s of %s cannot be imported", point.name, point.value)
            continue
        if not isinstance(entry, EngineEntry) or entry.name in found:
            log.error("the engine %s of %s is no engine, or its name is taken", point.name, point.value)
            continue
        found[entry.name] = entry
    return found


ENGINES = Engines()


def parse_options(raw: Mapping[str, object], engines: Mapping[str, EngineEntry] = ENGINES) -> SwapOptions:
    """Options from a request or a command line, checked by the model of the engine that they name.

    Raises:
        UnknownEngine: no engine has that name.
        InvalidOptions: `field` names the first option that has no such name or no such value.
    """
    named = {"engine": DEFAULT_ENGINE, **raw}
    engine = named["engine"]
    if engine == AUTO:
        return validate(AutoOptions, named, AUTO)
    if not isinstance(engine, str) or engine not in engines:
        raise UnknownEngine(f"there is no engine called {engine!r}", field="engine", known=list(engines))
    return validate(engines[engine].options, named, engine)


def needed_models(engine: str) -> tuple[str, ...]:
    """The names of the models that a swap with this engine takes; with `auto` those of the embedded one."""
    return (*ALWAYS, *ENGINES[DEFAULT_ENGINE if engine == AUTO else engine].models)


def unverified_models(engine: str, store: "ModelStore") -> tuple[str, ...]:
    """The installed models that this engine takes or may take for which no source has vouched."""
    instead = ENGINES[engine].instead
    taken = {name for model in needed_models(engine) for name in (model, *instead.get(model, ()))}
    wanted = {name for name, entry in store.catalogue.models.items() if engine in entry.needed_by}
    return store.unverified(name for name in store.catalogue.models if name in taken | wanted)


def missing_models(engine: str, store: "ModelStore") -> tuple[str, ...]:
    """The models to pull before this engine can swap, without those that an installed alternative replaces."""
    instead = ENGINES[engine].instead
    return tuple(
        name
        for name in store.missing(needed_models(engine))
        if not any(store.is_installed(other) for other in instead.get(name, ()))
    )


def require_models(engine: str, store: "ModelStore") -> None:
    """Return if an engine finds its models, and may use them. One that is left open is picked among those that do.

    Raises:
        ModelNotInstalled: `model` is the first that is missing, `models` are all, `command` installs them.
        LicenceNotAccepted: `model` is the first whose words are not accepted.
    """
    if engine == AUTO:
        return
    entry = ENGINES[engine]
    entry.check_weights(store)
    own = () if entry.check else entry.models  # one with a check of its own may take other files than it lists
    if missing := own and missing_models(engine, store):
        raise ModelNotInstalled(
            f"{engine} needs {', '.join(missing)}",
            model=missing[0],
            models=list(missing),
            command=f"mien models pull {' '.join(missing)}",
        )
    store.check_licences(name for name in own if store.is_installed(name))
