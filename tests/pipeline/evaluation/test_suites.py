"""`mien bench` promises: its suites are in the wheel, a checkout adds more, and a missing library is said by name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mien_core.errors import InvalidOptions
from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row
from mien_pipeline.evaluation.suites import Suite, choose_suites, find_suites

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SHIPPED = ["downloads", "flux", "pipeline", "trust"]
SUITE = """
from mien_pipeline.evaluation.measures import Row
def rows(store):
    yield Row("a figure", 2.0, "s")
"""


def test_suites_are_known_and_loaded_where_there_is_no_checkout(tmp_path: Path) -> None:
    """The packages alone, in an interpreter that can reach neither `tests/` nor anything else of the source tree."""
    for package in [*(ROOT / "pipeline").glob("mien_*"), *(ROOT / "daemon").glob("mien_*")]:
        (tmp_path / package.name).symlink_to(package)
    code = (
        "import importlib.util, json, pathlib, sys"
        f"\nown = {str(tmp_path)!r}"
        "\nsys.path = [path for path in sys.path if path == own or not any(pathlib.Path(path).glob('mien_*'))]"
        "\nassert importlib.util.find_spec('mien_testing') is None"
        "\nfrom mien_cli.commands.bench import source_folder"
        "\nfrom mien_pipeline.evaluation.suites import find_suites"
        "\nfound = find_suites(source_folder())"
        "\nassert all(callable(suite.load().rows) for suite in found.values())"
        "\nprint(json.dumps(list(found)))"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SHIPPED


def test_a_checkout_adds_the_suites_that_need_more_than_the_pipeline() -> None:
    found = find_suites(ROOT / "tests/benchmarks")
    assert found.keys() >= {*SHIPPED, "cli", "console", "daemon", "extension", "tray"}
    assert list(found) == sorted(found)


def test_a_suite_of_a_folder_yields_its_rows(tmp_path: Path, models: ModelStore) -> None:
    (tmp_path / "mine.py").write_text(SUITE, encoding="utf-8")
    assert list(find_suites(tmp_path)["mine"].rows(models)) == [Row("a figure", 2.0, "s")]


def test_suites_run_in_the_order_in_which_they_are_named() -> None:
    found = find_suites()
    assert [suite.name for suite in choose_suites(["trust", "flux"], found)] == ["trust", "flux"]
    assert [suite.name for suite in choose_suites(None, found)] == SHIPPED


def test_an_unknown_suite_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidOptions) as refused:
        choose_suites(["trust", "sorcery"], find_suites())
    assert refused.value.fields == {"field": "suite", "known": SHIPPED}


def test_a_suite_whose_library_is_missing_says_which(models: ModelStore) -> None:
    def load() -> ModuleType:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with pytest.raises(InvalidOptions, match="flux needs torch") as refused:
        Suite("flux", load).rows(models)
    assert refused.value.fields == {"field": "suite", "library": "torch"}
