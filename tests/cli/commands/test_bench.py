"""`mien bench`: an honest exit status, and a name that is no suite is answered with those that are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_cli.commands import bench
from mien_pipeline.evaluation.measures import Row
from mien_testing.stand_in import returning

RunJson = Callable[..., tuple[int, Any]]


@pytest.mark.parametrize(("value", "status"), [(0.9, 0), (1.1, 1)])
def test_the_exit_status_says_whether_every_figure_holds(
    value: float, status: int, folders: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("a ratio", value, "ratio", limit=1.0)
    monkeypatch.setattr(bench, "measure", returning([("made-up", row)]))
    found, document = run_json("bench")
    assert found == status
    assert [(each["suite"], each["what"], each["holds"]) for each in document["rows"]] == [
        ("made-up", "a ratio", status == 0)
    ]
    assert document["machine"]


def test_a_name_that_is_no_suite_is_refused_with_those_that_are(folders: Path, run_json: RunJson) -> None:
    status, problem = run_json("bench", "--suite", "magic")
    assert (status, problem["code"], problem["field"]) == (1, "invalid-options", "suite")
    assert "tray" in problem["known"]


def test_figures_are_recorded_in_a_checkout_only(
    folders: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "source_folder", lambda: None)
    status, problem = run_json("bench", "--record")
    assert (status, problem["code"], problem["field"]) == (1, "invalid-options", "record")
