"""What is known of an engine before it is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, cast

from mien_core.errors import EngineUnavailable
from mien_pipeline.options import SwapOptions

if TYPE_CHECKING:
    from mien_pipeline.engines.probe import Probe
    from mien_pipeline.protocols import Engine, Weights

GIB = 1 << 30

Preset = Mapping[str, object]
"""Some options by name; every other one has its default."""
CHOSEN = "chosen, not calibrated"
"""The origin of numbers that rest on no source and no measurement."""


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """What an engine brings: its options, presets, models and licence. Importing it loads no heavy library.

    Attributes:
        name: as in options and reports.
        summary: what it is, in a few words.
        module: has `load(weights) -> Engine`; nothing of it is imported before it is wanted.
        options: what it understands; the default of its `engine` is `name`.
        presets: starting points for its options, by name; the first is its defaults.
        origins: where the numbers of a preset come from, by its name; one that is not here was `CHOSEN`.
        models: names of the models it takes beyond those of every swap.
        instead: for some of those, others that can stand in.
        libraries: what must be importable; the `gpu` extra installs them.
        licence: what binds a person who uses the results.
        networks: a module with `list_probes(weights)`, which gives each network to be tried alone, or empty.
        measure: a module with `measure(store, portrait, side, on_measured)`, which runs each plan of this machine
            with random values of published size, or empty.
        check: a module with `check(weights)`, which raises what `load` would, and imports nothing heavy; or empty.
        points: whose five points it was trained with: ArcFace's networks and those on top of them with InsightFace's.
        needs_accelerator: a processor would take many minutes for a picture, so it is refused there.
        seeded: it draws noise, so that another seed makes another result.
        experimental: nobody has measured what it makes of faces.
        memory_bytes: main memory or, for a GPU engine, video memory it needs at least.
    """

    name: str
    summary: str
    module: str
    options: type[SwapOptions]
    models: tuple[str, ...]
    libraries: tuple[str, ...]
    licence: str
    memory_bytes: int
    networks: str = ""
    measure: str = ""
    check: str = ""
    points: Literal["mesh", "arcface"] = "mesh"
    needs_accelerator: bool = False
    seeded: bool = False
    experimental: bool = False
    presets: Mapping[str, Preset] = field(default_factory=lambda: {"balanced": {}})
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def missing_libraries(self) -> tuple[str, ...]:
        """The libraries that are not installed."""
        return tuple(library for library in self.libraries if find_spec(library) is None)

    def check_weights(self, weights: "Weights") -> None:
        """Return where the engine's own check finds its weights; raises as `load` would."""
        if self.check:
            import_module(self.check).check(weights)

    def load(self, weights: "Weights") -> "Engine":
        """The engine, in memory. Its weights are looked for before its libraries are imported.

        Raises:
            EngineUnavailable: `libraries` are not installed.
            ModelNotInstalled: a weight file is missing.
        """
        if missing := self.missing_libraries:
            raise EngineUnavailable(
                f"{self.name} needs {', '.join(missing)}", engine=self.name, libraries=list(missing)
            )
        self.check_weights(weights)
        return self.open(weights)

    def open(self, weights: "Weights") -> "Engine":
        """The engine of `module`; what it needs has been looked for."""
        return cast("Engine", import_module(self.module).load(weights))

    def list_probes(self, weights: "Weights") -> "Sequence[Probe]":
        """Each of its networks, to be tried alone."""
        return cast("Sequence[Probe]", import_module(self.networks).list_probes(weights)) if self.networks else ()
