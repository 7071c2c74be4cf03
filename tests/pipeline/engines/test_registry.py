"""The registry promises: this package's engines, those that others bring, and nothing heavy loaded for it."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Literal

import pytest

from mien_core.errors import InvalidOptions, LicenceNotAccepted, ModelNotInstalled, UnknownEngine
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.flux.components import published_shapes
from mien_pipeline.engines.flux.files import find_files
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.entry import list_entries
from mien_pipeline.engines.readiness import describe
from mien_pipeline.engines.registry import (
    ENGINES,
    GROUP,
    find_engines,
    missing_models,
    needed_models,
    parse_options,
    require_models,
    unverified_models,
)
from mien_pipeline.options import SwapOptions
from mien_testing.installed_engines import link_engines


class MadeUpOptions(SwapOptions, frozen=True):
    """The options of an engine that another package brings."""

    engine: Literal["made-up"] = "made-up"
    tone: Literal["warm", "cold"] = "warm"


ENTRY = EngineEntry("made-up", "for this test", "nowhere", MadeUpOptions, (), (), "none", 1)
NOT_AN_ENTRY = "an engine"


def find_added(points: list[EntryPoint]) -> dict[str, EngineEntry]:
    """The engines with those that other packages bring; the rows are those of the catalogue that comes with Mien."""
    return find_engines(points, list_entries(load_catalogue({})))


def brought(name: str, attribute: str, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """An entry point into this file under a name of our own; pytest gave it another."""
    monkeypatch.setitem(sys.modules, "a_package_with_an_engine", sys.modules[__name__])
    return EntryPoint(name, f"a_package_with_an_engine:{attribute}", GROUP)


def test_an_installed_package_brings_an_engine_with_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_added([brought("made-up", "ENTRY", monkeypatch)])
    assert list(found) == [*ENGINES, "made-up"]
    assert parse_options({"engine": "made-up", "tone": "cold"}, found) == MadeUpOptions(tone="cold")
    with pytest.raises(InvalidOptions) as refused:
        parse_options({"engine": "made-up", "tone": "grey"}, found)
    assert refused.value.fields["field"] == "tone"


@pytest.mark.parametrize("attribute", ["NOT_AN_ENTRY", "NOT_THERE"])
def test_a_package_whose_engine_is_broken_costs_no_other_engine(
    attribute: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert find_added([brought("made-up", attribute, monkeypatch)]) == ENGINES
    assert "made-up" in caplog.text


def test_no_package_can_take_the_name_of_an_engine_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [brought("made-up", "ENTRY", monkeypatch)] * 2
    assert list(find_added(twice)) == [*ENGINES, "made-up"]
    monkeypatch.setattr(sys.modules[__name__], "ENTRY", ENGINES["flux"])
    assert find_added(twice) == ENGINES


def test_the_engine_that_nobody_names_is_the_embedded_one() -> None:
    assert parse_options({}) == MeshOptions()


@pytest.mark.parametrize("engine", ["sorcery", ["mesh"], None, 3])
def test_an_unknown_engine_is_refused_with_those_that_are_known(engine: object) -> None:
    with pytest.raises(UnknownEngine) as refused:
        parse_options({"engine": engine})
    assert refused.value.fields == {"field": "engine", "known": list(ENGINES)}


def test_another_engines_option_is_refused_by_name() -> None:
    with pytest.raises(InvalidOptions, match="mesh has no option 'steps'"):
        parse_options({"engine": "mesh", "steps": 3})


@pytest.mark.parametrize("engine", ENGINES)
def test_options_are_those_of_the_engine_that_they_name(engine: str) -> None:
    entry = ENGINES[engine]
    assert type(parse_options({"engine": engine})) is entry.options
    assert entry.options.model_fields["engine"].default == entry.name == engine


@pytest.mark.parametrize("engine", ENGINES)
def test_every_preset_is_valid_and_the_first_is_the_defaults(engine: str) -> None:
    presets = ENGINES[engine].presets
    assert next(iter(presets.values())) == {}
    made = [parse_options({"engine": engine, **preset}) for preset in presets.values()]
    assert len({repr(each) for each in made}) == len(presets)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_preset_says_where_its_numbers_come_from(engine: str, models: ModelStore) -> None:
    """A source by name, or that they were chosen; none is called calibrated before it was."""
    entry = ENGINES[engine]
    assert entry.origins.keys() <= entry.presets.keys()
    presets = describe(entry, models, "cpu")["presets"]
    assert isinstance(presets, list)
    assert all("not calibrated" in preset["origin"] for preset in presets)


def test_steps_and_guidance_are_those_of_the_source_that_is_named() -> None:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    defaults = inspect.signature(FluxPipeline.__call__).parameters
    options = FluxOptions()
    assert (defaults["num_inference_steps"].default, defaults["guidance_scale"].default) == (
        options.steps,
        options.guidance_scale,
    )
    assert "FluxPipeline" in ENGINES["flux"].origins["balanced"]


def test_a_swap_needs_the_shared_networks_and_the_engines_own() -> None:
    assert needed_models("mesh") == (
        "face-detection", "face-mesh", "identity-score", "content-check", "watermark", "iris", "covers",
    )  # fmt: skip


def test_a_model_that_stands_in_makes_another_superfluous(tmp_path: object) -> None:
    class Store:
        """Holds the 4-bit transformer and nothing else."""

        def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
            return names

        def is_installed(self, name: str) -> bool:
            return name == "flux-1-dev-q4"

    missing = missing_models("flux", Store())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert "flux-1-dev-transformer" not in missing
    assert "flux-1-dev-parts" in missing


def test_flux_options_keep_a_bases_defaults_through_the_registry() -> None:
    quick = parse_options({"engine": "flux", "base": "schnell"})
    assert isinstance(quick, FluxOptions)
    assert quick.steps == 4


def test_the_table_is_read_without_a_heavy_library() -> None:
    heavy = {"numpy", "torch", "cv2", "PIL", "diffusers", "onnxruntime", "insightface"}
    code = (
        "import sys, mien_pipeline.engines.registry as registry; registry.parse_options({'engine': 'flux'});"
        f"sys.exit(', '.join(sorted({heavy!r} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_catalogue_knows_what_stands_in() -> None:
    catalogue = load_catalogue({})
    for entry in ENGINES.values():
        assert all(catalogue.model(name).files for others in entry.instead.values() for name in others)


def test_an_engine_names_what_it_may_take_and_no_source_has_vouched_for(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alternatives and optional networks too."""

    def unverified(_: ModelStore, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(names)

    monkeypatch.setattr(ModelStore, "unverified", unverified)
    assert {"taef1", "flux-1-dev-q4", "face-mesh"} <= set(unverified_models("flux", models))
    assert "taef1" not in unverified_models("mesh", models)


@pytest.fixture
def stand_ins(tmp_path: Path) -> ModelStore:
    link_engines(tmp_path / "models")
    return ModelStore(tmp_path / "models", load_catalogue({}))


def test_the_stand_ins_have_the_files_tensors_and_shapes_of_the_published_networks(stand_ins: ModelStore) -> None:
    assert stand_ins.missing(ENGINES["flux"].models) == ()
    assert stand_ins.unverified() == ()
    files = find_files(stand_ins)
    assert files.transformer is not None
    assert read_shapes(*sorted(files.transformer.glob("*.safetensors"))) == published_shapes()["transformer"]
    assert read_shapes(files.pulid) == manifest("pulid-flux")
    assert read_shapes(files.faceid) == manifest("withanyone")


def read_shapes(*files: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the headers of safetensors files, which have no values."""
    headers = [json.loads(file.read_bytes()[8:]) for file in files]
    return {name: tuple(tensor["shape"]) for header in headers for name, tensor in header.items()}


@pytest.mark.parametrize("engine", ["mesh", "flux", "auto"])
def test_an_engine_that_is_here_and_one_that_is_left_open_are_not_refused(stand_ins: ModelStore, engine: str) -> None:
    require_models(engine, stand_ins)


@pytest.mark.parametrize("engine", ["klein", *list_entries(load_catalogue({}))])
def test_an_engine_that_lacks_its_own_models_is_refused_by_the_names_of_all(stand_ins: ModelStore, engine: str) -> None:
    missing = list(stand_ins.missing(ENGINES[engine].models))
    with pytest.raises(ModelNotInstalled) as refused:
        require_models(engine, stand_ins)
    assert (refused.value.fields["model"], refused.value.fields["models"]) == (missing[0], missing)
    assert refused.value.fields["command"] == f"mien models pull {' '.join(missing)}"


def test_an_engine_whose_words_were_not_accepted_is_refused(stand_ins: ModelStore) -> None:
    (stand_ins.root / "licences" / "accepted.json").unlink()
    with pytest.raises(LicenceNotAccepted):
        require_models("flux", stand_ins)


def test_to_look_for_an_engines_models_loads_nothing_heavy(stand_ins: ModelStore) -> None:
    """The daemon's front process does it for every job."""
    look = f"""
import sys
from pathlib import Path
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.registry import require_models
store = ModelStore(Path({str(stand_ins.root)!r}), load_catalogue({{}}))
for engine in ("mesh", "flux", "klein", "inswapper"):
    try:
        require_models(engine, store)
    except Exception as error:
        print(error.code)
print({{"torch", "cv2", "onnxruntime", "insightface"}} & sys.modules.keys())
"""
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["model-not-installed", "model-not-installed", "set()"]
