"""A description promises what an engine lacks, in the order in which a person mends it, and all a page needs of it."""

import hashlib
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from onnx import helper

from mien_models.catalogue.entries import load_catalogue
from mien_models.environments.environment import EngineEnvironment, Installed
from mien_models.environments.offer import InstallOffer
from mien_models.store import ModelStore
from mien_pipeline.engines.readiness import (
    describe,
    describe_mask_option,
    describe_own_options,
    describe_part,
    describe_restorer_options,
)
from mien_pipeline.engines.registry import ENGINES, needed_models
from mien_pipeline.options import SwapOptions
from mien_testing.swapper import write_network


def test_an_engine_whose_libraries_and_models_are_there_is_ready(models: ModelStore) -> None:
    described = describe(ENGINES["mesh"], models, "cuda")
    assert (described["state"], described["missing_libraries"], described["missing_models"]) == ("ready", [], [])


def test_an_engine_without_its_models_names_each(tmp_path: Path) -> None:
    described = describe(ENGINES["mesh"], ModelStore(tmp_path, load_catalogue({})), "cpu")
    assert described["state"] == "needs-models"
    assert described["missing_models"] == list(needed_models("mesh"))


def test_an_environment_brings_the_libraries_and_one_of_another_version_is_outdated(tmp_path: Path) -> None:
    entry, store = replace(ENGINES["flux"], libraries=("no_such_library",)), ModelStore(tmp_path, load_catalogue({}))
    environment = EngineEnvironment(store.root)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    made = Installed(
        version=metadata.version("mien"),
        lock_sha256=environment.lock.sha256,
        device="cpu",
        torch="2",
        found="cpu",
        engines=("flux",),
    )
    (environment.folder / "installed.json").write_text(made.model_dump_json())
    assert describe(entry, store, "cpu")["state"] == "needs-models"
    assert describe(entry, store, "cpu")["missing_libraries"] == []
    (environment.folder / "installed.json").write_text(made.model_copy(update={"version": "0"}).model_dump_json())
    assert describe(entry, store, "cpu")["state"] == "outdated"


def test_missing_libraries_come_before_missing_models(tmp_path: Path) -> None:
    entry = replace(ENGINES["flux"], libraries=("sys", "no_such_library"))
    described = describe(entry, ModelStore(tmp_path, load_catalogue({})), "cpu")
    assert described["state"] == "needs-libraries"
    assert described["missing_libraries"] == ["no_such_library"]
    assert described["missing_models"]


@pytest.mark.parametrize(
    ("offer", "command"),
    [
        (InstallOffer("cpu", "nothing", 3), "mien engines install flux"),
        (InstallOffer("rocm", "kfd", obstacle="not-locked"), "mien engines install flux --device cpu"),
        (InstallOffer("cuda", "a card", obstacle="uv"), "mien engines install flux"),
    ],
)
def test_a_part_names_the_command_that_makes_it(offer: InstallOffer, command: str) -> None:
    part = describe_part("flux", offer)
    assert (part["command"], part["download_bytes"], part["obstacle"]) == (
        command,
        offer.download_bytes,
        offer.obstacle,
    )


def test_an_engine_that_needs_no_library_runs_on_the_processor_wherever_others_run(models: ModelStore) -> None:
    assert describe(ENGINES["mesh"], models, "cuda")["device"] == "cpu"
    assert describe(ENGINES["flux"], models, "cuda")["device"] == "cuda"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engines_own_options_come_first_and_then_those_of_all_that_have_a_control(engine: str) -> None:
    kind = ENGINES[engine].options
    own = [name for name in kind.model_fields if name not in SwapOptions.model_fields]
    assert list(describe_own_options(kind)) == [*own, "detector", "recogniser"]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_control_says_how_to_draw_itself(engine: str) -> None:
    """A slider has bounds and a step, a choice its words, a text its length; presets change controls alone."""
    options = describe_own_options(ENGINES[engine].options)
    controls = {name: schema for name, schema in options.items() if isinstance(schema, dict) and "control" in schema}
    for schema in controls.values():
        assert schema["control"] in {"main", "advanced"}
        bounds = {"minimum", "exclusiveMinimum"} & schema.keys() and {"maximum", "step"} <= schema.keys()
        assert bounds or "enum" in schema or "maxLength" in schema
        assert "default" in schema
    for preset in ENGINES[engine].presets.values():
        assert preset.keys() <= controls.keys()


def test_a_description_brings_everything_that_a_page_needs_for_its_controls(models: ModelStore) -> None:
    described = describe(ENGINES["mesh"], models, "cuda")
    options = described["options"]
    assert isinstance(options, dict)
    assert options["shape"] == {
        "default": 0.7, "minimum": 0, "maximum": 1, "type": "number", "control": "main", "step": 0.05,
        "description": "How far the face's shape moves towards the reference's; 0 keeps the target's.",
    }  # fmt: skip
    assert options["gaze"]["enum"] == ["target", "reference"]
    assert options["gaze"]["control"] == "advanced"
    assert described["presets"] == [
        {"name": "balanced", "options": {}, "origin": "chosen, not calibrated"},
        {"name": "likeness", "options": {"shape": 1.0, "mask": "face"}, "origin": "chosen, not calibrated"},
        {"name": "gentle", "options": {"shape": 0.4}, "origin": "chosen, not calibrated"},
    ]


def store_with(folder: Path, *names: str) -> ModelStore:
    """A store in which these enhancers and masks are installed, as files of another digest under a free licence."""
    nodes = [helper.make_node("Relu", ["input"], ["output"])]
    tables, published = "format = 1\n", load_catalogue({})
    networks = {name: row.network for name, row in published.enhancers.items()}
    networks |= {name: row.network for name, row in published.masks.items()}
    for place, name in enumerate(names, 1):
        file = folder / networks[name].file
        write_network(file, {"input": (1, place)}, {"output": (1, place)}, nodes, {})
        tables += f"""[models.{name}]
title = "a stand-in"
version = "1"
licence = "mit"
source = {{ kind = "local", folder = "{folder.as_posix()}" }}
[[models.{name}.files]]
path = "{file.name}"
format = "onnx"
size = {file.stat().st_size}
sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"
"""
    (folder / "catalogue.toml").write_text(tables, encoding="utf-8")
    catalogue = load_catalogue({"MIEN_CATALOGUE": str(folder / "catalogue.toml")})
    store = ModelStore(folder / "models", catalogue)
    for name in names:
        store.import_from(folder / networks[name].file)
    return store


def test_restorers_are_a_choice_where_there_is_one(tmp_path: Path) -> None:
    """Vivid alone is no choice; CodeFormer's weight is there with CodeFormer."""
    assert describe_restorer_options(ModelStore(tmp_path, load_catalogue({}))) == {}
    for names in (["gfpgan"], ["gfpgan", "codeformer"]):
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        store = store_with(folder, *names)
        offered = describe_restorer_options(store)
        assert list(offered) == (["restorer", "fidelity"] if "codeformer" in names else ["restorer"])
        described = describe(ENGINES["mesh"], store, "cpu")["options"]
        assert isinstance(described, dict)
        assert described["restorer"]["enum"] == ["vivid", *names]
        assert (described["restorer"]["default"], described["restorer"]["control"]) == ("vivid", "advanced")


def test_masks_may_be_taken_where_their_models_are(tmp_path: Path) -> None:
    assert describe_mask_option(ModelStore(tmp_path, load_catalogue({}))) == {}
    store = store_with(tmp_path, "bisenet")
    described = describe(ENGINES["mesh"], store, "cpu")["options"]
    assert isinstance(described, dict)
    masks = described["masks"]
    assert (masks["type"], masks["default"], masks["control"]) == ("array", [], "advanced")
    assert masks["items"]["enum"] == ["bisenet"]
