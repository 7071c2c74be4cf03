"""Which engines may be picked here, and in what order: the best measured for a face first, those not measured last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mien_core.errors import LicenceNotAccepted
from mien_models.store import ModelStore
from mien_pipeline.choice.measured import Measured, Row, Table, read_table
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.registry import DEFAULT_ENGINE, ENGINES, missing_models, parse_options
from mien_pipeline.options import AUTO, SwapOptions

STARTER = "starter"
"""The bundle of the networks that every install has, and those of the embedded engine."""
# Of two engines whose worth differs by less, the quicker one is picked: with a handful of cases it says nothing.
SAME = 0.05


@dataclass(frozen=True, slots=True)
class SeenFace:
    """The target's face, as far as it matters: its width in pixels, and its yaw in degrees."""

    width_px: float
    yaw_deg: float


def default_engine(given: Mapping[str, object], store: ModelStore) -> str:
    """The engine of a swap that names none: `auto` where there is a choice, else the embedded one.

    Options that not every engine has are the embedded engine's, as they were before there was a choice.
    """
    is_shared = all(name in SwapOptions.model_fields for name in given)
    return AUTO if is_shared and has_choice(store) else DEFAULT_ENGINE


def has_choice(store: ModelStore) -> bool:
    """Whether more than one engine is ready, in this process or in the engines' environment."""
    starter = set(store.catalogue.resolve([STARTER]))
    if not any(store.is_installed(name) for name in store.catalogue.models if name not in starter):
        return False  # only the embedded engine's networks are here: no table has to be read
    return len(list_ready(store, _find_environment(store))) > 1


def _find_environment(store: ModelStore) -> Callable[[str], bool]:
    """What says whether the engines' environment has an engine's libraries."""
    from mien_models.environments.environment import EngineEnvironment  # it imports HTTP, which a swap does without

    return EngineEnvironment(store.root).serves


def list_ready(store: ModelStore, serves: Callable[[str], bool] = lambda _: False) -> list[EngineEntry]:
    """Every engine that may be picked: all it needs is here, it fits this machine, and it is no experiment.

    Args:
        serves: whether another environment has an engine's libraries.
    """
    ready = [entry for entry in ENGINES.values() if _is_ready(entry, store, serves)]
    if len(ready) < 2:
        return ready
    from mien_pipeline.accelerator import see_accelerator  # asks drivers: only where there is a choice
    from mien_pipeline.engines.fitness import judge_fitness

    machine = see_accelerator()
    return [entry for entry in ready if judge_fitness(entry, store, machine).fits != "no"]


def _is_ready(entry: EngineEntry, store: ModelStore, serves: Callable[[str], bool]) -> bool:
    if entry.experimental or (entry.missing_libraries and not serves(entry.name)):
        return False
    if missing_models(entry.name, store):
        return False
    try:
        store.check_licences(name for name in entry.models if store.is_installed(name))
    except LicenceNotAccepted:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Ranked:
    """An engine with the row that was measured for such a face; None where none was."""

    engine: str
    row: Row | None


def rank(ready: Sequence[EngineEntry], face: SeenFace | None, table: Table | None = None) -> list[Ranked]:
    """The engines in the order in which they are tried.

    Args:
        ready: see `list_ready`.
        face: None is a large one that looks ahead.
        table: of what was measured; None reads this version's.
    """
    table = read_table() if table is None else table
    where = (face.width_px, face.yaw_deg) if face else (None, None)
    found = [Ranked(entry.name, table.get(entry.name, Measured()).find(*where)) for entry in ready]
    measured = sorted(((each.row, each) for each in found if each.row), key=lambda pair: -pair[0].worth)
    ordered: list[Ranked] = []
    while measured:
        best = measured[0][0].worth
        first = min((pair for pair in measured if best - pair[0].worth < SAME), key=lambda pair: pair[0].seconds)
        measured.remove(first)
        ordered.append(first[1])
    return [*ordered, *(each for each in found if each.row is None)]


def list_possible(options: SwapOptions, store: ModelStore) -> list[EngineEntry]:
    """The engines that may work on a picture with these options, here or in the engines' environment."""
    named = [] if options.engine == AUTO else [ENGINES[options.engine]]
    if named and not options.fallback:
        return named
    others = [each for each in list_ready(store, _find_environment(store)) if each not in named]
    return [*named, *others] or [ENGINES[DEFAULT_ENGINE]]


def settle(options: SwapOptions, engine: str) -> SwapOptions:
    """The options for one engine; those that only the engine that was asked for has are left out for another one."""
    shared = SwapOptions.model_fields if engine != options.engine else type(options).model_fields
    given = {name: getattr(options, name) for name in options.model_fields_set if name in shared}
    return parse_options({**given, "engine": engine, "fallback": False})


def settle_for_clip(options: SwapOptions, store: ModelStore, *, only_here: bool = False) -> SwapOptions:
    """The options of a clip: `auto` picks before its faces are looked at, among the engines that swap clips.

    With `fallback` they stay as they are, for `require_clip_options` to refuse.

    Args:
        options: as they were asked for.
        store: whose engines may be picked.
        only_here: leave out engines that only the engines' environment serves.
    """
    if options.engine != AUTO or options.fallback:
        return options
    found = list_ready(store) if only_here else list_ready(store, _find_environment(store))
    ready = [entry for entry in found if entry.options(engine=entry.name).go_with_clips]
    return settle(options, next((each.engine for each in rank(ready, None)), DEFAULT_ENGINE))
