"""A choice promises: the best measured first, what was not measured last, and no experiment at all."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mien_core.errors import InvalidOptions
from mien_models.catalogue.entries import load_catalogue
from mien_models.environments.environment import EngineEnvironment
from mien_models.store import ModelStore
from mien_pipeline.choice import choose
from mien_pipeline.choice.choose import SeenFace, default_engine, has_choice, list_ready, rank, settle_for_clip
from mien_pipeline.choice.measured import Measured, Row
from mien_pipeline.clip_options import require_clip_options
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_testing.stand_in import returning
from mien_testing.two_engines import SECOND, make_two_engines


def measured(worth: float, seconds: float = 1.0) -> Measured:
    return Measured((Row(96, 8, 0, 0, worth, 1.0, worth, seconds),))


def entries(*names: str) -> list[EngineEntry]:
    return [replace(ENGINES["mesh"], name=name) for name in names]


@pytest.fixture(scope="module")
def two(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return make_two_engines(tmp_path_factory.mktemp("two"), models)[0]


@pytest.mark.parametrize(
    ("worth", "order"),
    [
        ({"a": (0.3, 1), "b": (0.6, 9)}, ["b", "a", "c"]),
        ({"a": (0.58, 1), "b": (0.6, 9)}, ["a", "b", "c"]),
        ({"b": (0.1, 1)}, ["b", "a", "c"]),
        ({"a": (0.5, 1), "b": (0.54, 3), "c": (0.58, 2)}, ["c", "a", "b"]),
        ({}, ["a", "b", "c"]),
    ],
)
def test_the_best_comes_first_of_equals_the_quicker_and_those_not_measured_last(
    worth: dict[str, tuple[float, float]], order: Sequence[str]
) -> None:
    table = {name: measured(*figures) for name, figures in worth.items()}
    assert [each.engine for each in rank(entries("a", "b", "c"), SeenFace(90, 0), table)] == order


def test_with_this_versions_table_the_mesh_goes_before_every_network_that_was_not_measured() -> None:
    found = rank([ENGINES[name] for name in ("ghost-1", "inswapper", "mesh")], SeenFace(200, 3))
    assert [(each.engine, each.row is not None) for each in found] == [
        ("mesh", True), ("ghost-1", False), ("inswapper", False),
    ]  # fmt: skip


def test_only_what_is_installed_and_accepted_may_be_picked(models: ModelStore, two: ModelStore) -> None:
    assert [entry.name for entry in list_ready(models)] == ["mesh"]
    assert [entry.name for entry in list_ready(two)] == ["mesh", SECOND]
    assert (has_choice(models), has_choice(two)) == (False, True)


def test_an_engine_whose_words_are_not_accepted_is_no_choice(models: ModelStore, tmp_path: Path) -> None:
    store, _ = make_two_engines(tmp_path, models, "s-lab-1")
    assert [entry.name for entry in list_ready(store)] == ["mesh"]


def test_an_experiment_is_never_picked(models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one needs what the mesh needs, and all of that is there."""
    assert ENGINES["klein"].experimental
    mesh = ENGINES["mesh"]
    monkeypatch.setattr(choose, "ENGINES", {"mesh": mesh, "new": replace(mesh, experimental=True)})
    assert list_ready(models) == [mesh]


def test_no_starter_models_no_choice(tmp_path: Path) -> None:
    assert list_ready(ModelStore(tmp_path, load_catalogue({}))) == []


def test_a_swap_that_names_no_engine_is_left_open_where_there_is_a_choice(models: ModelStore, two: ModelStore) -> None:
    assert default_engine({"restore": 0.5}, two) == "auto"
    assert default_engine({"restore": 0.5}, models) == "mesh"


def test_options_of_the_embedded_engine_stay_its_own(two: ModelStore) -> None:
    assert default_engine({"shape": 0.2}, two) == "mesh"


def test_a_clip_gets_its_engine_before_it_is_looked_at(two: ModelStore) -> None:
    assert settle_for_clip(parse_options({"engine": "auto", "seed": 3}), two) == parse_options({"seed": 3})
    named = parse_options({"engine": SECOND})
    assert settle_for_clip(named, two) is named


def test_a_clip_of_this_process_gets_no_engine_that_only_the_environment_serves(
    two: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(ENGINES[SECOND], libraries=("a_library_of_nobody",))
    assert elsewhere.missing_libraries
    monkeypatch.setattr(choose, "ENGINES", {"mesh": ENGINES["mesh"], SECOND: elsewhere})
    monkeypatch.setattr(EngineEnvironment, "serves", returning(True))
    monkeypatch.setattr(choose, "read_table", returning({SECOND: measured(0.9), "mesh": measured(0.1)}))
    auto = parse_options({"engine": "auto"})
    assert settle_for_clip(auto, two).engine == SECOND
    assert settle_for_clip(auto, two, only_here=True).engine == "mesh"


def test_a_clip_that_asks_for_further_engines_is_left_to_be_refused(two: ModelStore) -> None:
    asked = parse_options({"engine": "auto", "fallback": True})
    assert settle_for_clip(asked, two) is asked
    with pytest.raises(InvalidOptions):
        require_clip_options(asked)
