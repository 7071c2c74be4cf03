"""The rows of the catalogue's table of swappers as the registry lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from mien_models.catalogue.entries import Catalogue
from mien_models.catalogue.networks import NetworkFile
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.onnx.options import make_options

if TYPE_CHECKING:
    from mien_pipeline.engines.probe import Probe
    from mien_pipeline.protocols import Engine, Weights

_FOLDER = "mien_pipeline.engines.onnx"
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxEntry(EngineEntry):
    """A row of the table; `catalogue` is the one that has it."""

    catalogue: Catalogue

    def open(self, weights: "Weights") -> "Engine":
        recipe = import_module(f"{_FOLDER}.recipe").find_recipe(self.catalogue, self.name)
        return cast("Engine", import_module(self.module).load(weights, recipe))

    def list_probes(self, weights: "Weights") -> "tuple[Probe, ...]":
        recipe = import_module(f"{_FOLDER}.recipe").find_recipe(self.catalogue, self.name)
        return cast("tuple[Probe, ...]", import_module(self.networks).list_probes(weights, recipe))


def list_entries(catalogue: Catalogue) -> Mapping[str, EngineEntry]:
    """An engine for each row, by name."""
    return {name: _make_entry(catalogue, name) for name in catalogue.swappers}


def _make_entry(catalogue: Catalogue, name: str) -> EngineEntry:
    row = catalogue.swappers[name]
    files = _leave_out_carried(catalogue.files_of(row))
    models = tuple(dict.fromkeys(file.model for file in files))
    return OnnxEntry(
        name=name,
        summary=row.summary,
        module=f"{_FOLDER}.engine",
        networks=f"{_FOLDER}.networks",
        options=make_options(name, row),
        models=models,
        instead={file.model: file.instead for file in files if file.instead},
        libraries=("onnxruntime", "onnx") if row.identity.kind == "vector" and row.identity.emap else ("onnxruntime",),
        licence=_name_licences(catalogue, models),
        points="arcface",
        memory_bytes=max(1, sum(catalogue.model(model).memory_mib for model in models)) * MIB,
        catalogue=catalogue,
    )


def _leave_out_carried(files: tuple[NetworkFile, ...]) -> tuple[NetworkFile, ...]:
    """Without those that the model of the first file has as well: they need no download of their own."""
    return tuple(file for file in files if files[0].model not in file.instead)


def _name_licences(catalogue: Catalogue, models: tuple[str, ...]) -> str:
    """The licence of each model, the swapper's own first, and whether all of them allow commercial use."""
    by_licence: dict[str, list[str]] = {}
    for model in models:
        by_licence.setdefault(catalogue.licence_of(model).name, []).append(model)
    named = "; ".join(f"{name} ({', '.join(whose)})" for name, whose in by_licence.items())
    is_free = all(catalogue.licence_of(model).commercial for model in models)
    return named if is_free else f"{named}: no commercial use"
