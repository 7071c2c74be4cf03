"""A row of a person's own catalogue promises to be an engine, without code; a wrong row is refused by its field."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import InvalidCatalogue
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.onnx.entry import list_entries
from mien_pipeline.engines.registry import ENGINES, find_engines, missing_models, needed_models, parse_options
from mien_pipeline.evaluation.run_cases import TINY
from mien_pipeline.face import Portrait
from mien_pipeline.progress import ignore_step
from mien_testing.broken_weights import copy_stores
from mien_testing.swapper import RECOGNISER_FILE, Folder

OWN = """
[models.mine]
title = "A swapper of my own"
version = "1"
licence = "mit"
source = {{ kind = "local", folder = "{folder}" }}
[[models.mine.files]]
path = "ghost_1_256.onnx"
format = "onnx"
[[models.mine.files]]
path = "w600k_r50.onnx"
format = "onnx"

[recognisers.mine]
network = {{ model = "mine", file = "w600k_r50.onnx" }}

[swappers.mine]
summary = "a row of a person's own"
network = {{ model = "mine", file = "ghost_1_256.onnx" }}
side = 256
template = [[0.35, 0.45], [0.65, 0.45], [0.5, 0.62], [0.38, 0.78], [0.62, 0.78]]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
out_scale = [0.5, 0.5, 0.5]
out_shift = [0.5, 0.5, 0.5]
identity = {{ kind = "vector", recogniser = "mine" }}
"""


@pytest.fixture
def write(tmp_path: Path, swapper_weights: Folder) -> Callable[[str], Path]:
    """Writes a person's own catalogue, whose files are the test's networks."""

    def write_own(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text.format(folder=swapper_weights.path_.as_posix()))
        return path

    return write_own


def test_a_row_of_a_persons_own_swaps_without_code(
    write: Callable[[str], Path], tmp_path: Path, admiral: Portrait, astronaut: Portrait
) -> None:
    store = ModelStore(tmp_path / "models", load_catalogue({"MIEN_CATALOGUE": str(write(OWN))}))
    engines = find_engines([], list_entries(store.catalogue))
    assert list(engines) == [*ENGINES, "mine"]
    entry = engines["mine"]
    assert (entry.models, entry.licence) == (("mine",), "MIT (mine)")
    store.pull(["mine"])
    options = parse_options({"engine": "mine"}, engines)
    engine = entry.load(store)
    patch = engine.prepare([admiral]).render(*astronaut, options, ignore_step)
    assert patch.crop.shape == (256, 256, 3)
    assert {use.name for use in engine.models} == {"mine/ghost_1_256.onnx", f"mine/{RECOGNISER_FILE}"}
    assert np.isfinite(patch.mask).all()


def test_the_command_line_lists_it_with_what_it_lacks(write: Callable[[str], Path], tmp_path: Path) -> None:
    """In a process of its own: the engines are read once."""
    environ = {**os.environ, "MIEN_CATALOGUE": str(write(OWN)), "MIEN_MODELS_DIR": str(tmp_path / "models")}
    done = subprocess.run(
        [sys.executable, "-m", "mien_cli", "engines"], capture_output=True, text=True, check=True, env=environ
    )
    told = done.stdout[done.stdout.index("\nmine  ") :]
    assert "a row of a person's own" in told
    assert "mien models pull" in told
    assert "MIT (mine)" in told


@pytest.mark.slow
def test_it_is_evaluated_like_any_engine_and_random_weights_are_called_so(
    write: Callable[[str], Path], tmp_path: Path, models: ModelStore
) -> None:
    own = write(OWN.replace('version = "1"', f'version = "{TINY}"'))
    store = copy_stores([models], tmp_path / "models", load_catalogue({"MIEN_CATALOGUE": str(own)}))
    store.pull(["mine"])
    people = tmp_path / "people"
    people.mkdir()
    for name in ("astronaut.png", "grace_hopper.jpg"):
        (people / name).write_bytes(models.path("demo-portraits", name).read_bytes())
    environ = {
        **os.environ, "MIEN_CATALOGUE": str(own), "MIEN_MODELS_DIR": str(store.root), "MIEN_OFFLINE": "1",
        "MIEN_STATE_DIR": str(tmp_path / "state"),
    }  # fmt: skip
    words = ("evaluate", "--engine", "mine", "--claims", "hair", "--pictures", str(people), "-o", str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, "-m", "mien_cli", *words], capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out/cases.jsonl").read_text(encoding="utf-8").splitlines()]
    cases = [line for line in lines if line["state"] == "done"]
    assert len(cases) == 6
    assert all({"hair", "edge", "margin", "naturalness", "memory_mb"} <= case.keys() for case in cases)
    assert {case["naturalness_by"] for case in cases} <= {"engine", "evaluation"}
    assert "**The weights are random numbers.**" in (tmp_path / "out/report.md").read_text(encoding="utf-8")


def test_a_row_under_the_name_of_an_engine_of_the_package_is_left_out(
    write: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = load_catalogue({"MIEN_CATALOGUE": str(write(OWN.replace("swappers.mine", "swappers.mesh")))})
    assert find_engines([], list_entries(catalogue))["mesh"] == ENGINES["mesh"]
    assert "mesh" in caplog.text


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("side = 256", "side = 0", "swappers.mine.side"),
        ("side = 256", "side = 256\nboost = [300]", "multiple of 256"),
        ("side = 256", "side = 256\ncolour = 1", "swappers.mine.colour"),
        ("std = [0.5, 0.5, 0.5]", "std = [0.5, 0, 0.5]", "standard deviation"),
        ("[0.62, 0.78]]", "]", "swappers.mine.template"),
        ('recogniser = "mine"', 'recogniser = "nobody"', "no recogniser called 'nobody'"),
        (
            'recogniser = "mine"',
            'recogniser = "mine", emap = true, converter = {{ model = "mine", file = "x" }}',
            "both",
        ),
        ('kind = "vector", recogniser = "mine"', 'kind = "smell"', "swappers.mine.identity"),
        ('"ghost_1_256.onnx" }}', '"other.onnx" }}', "has a file other.onnx"),
        ('{{ model = "mine", file = "ghost', '{{ model = "absent", file = "ghost', "no model is called absent"),
    ],
)
def test_a_wrong_row_is_refused_by_what_is_wrong(
    write: Callable[[str], Path], right: str, wrong: str, said: str
) -> None:
    assert right in OWN
    with pytest.raises(InvalidCatalogue) as refused:
        load_catalogue({"MIEN_CATALOGUE": str(write(OWN.replace(right, wrong)))})
    assert said in str(refused.value)


def test_a_recogniser_that_comes_with_another_model_is_not_downloaded_twice(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, load_catalogue({}))
    assert "w600k" not in needed_models("inswapper")
    assert {"ghost-1", "crossface-ghost", "w600k"} <= set(missing_models("ghost-1", store))
    assert ENGINES["ghost-1"].instead == {"w600k": ("inswapper",)}


def test_a_row_whose_recogniser_is_missing_is_not_called_wrong(write: Callable[[str], Path], tmp_path: Path) -> None:
    catalogue = load_catalogue({"MIEN_CATALOGUE": str(write(OWN.replace('r = "mine"', 'r = "w600k"')))})
    store = ModelStore(tmp_path / "models", catalogue)
    store.pull(["mine"])
    found = {probe.network: probe.models for probe in list_entries(catalogue)["mine"].list_probes(store)}
    assert found == {"recogniser": ("w600k",), "generator": ("mine",), "all together": ("mine", "w600k")}


def test_an_engine_whose_models_bind_a_person_says_so() -> None:
    """GHOST is under a free licence, and what tells it a face is not."""
    catalogue = load_catalogue({})
    for name, row in catalogue.swappers.items():
        models = {file.model for file in catalogue.files_of(row)}
        assert ENGINES[name].licence.endswith("no commercial use") == (
            not all(catalogue.licence_of(model).commercial for model in models)
        ), name
    assert ENGINES["ghost-1"].licence.startswith("Apache 2.0 (ghost-1); ")
