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


def test_sheets_write_over_no_picture_and_two_pictures_of_one_name_get_one_each(
    here: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien_pipeline.evaluation.sheets.draw_contact_sheet", returning((b"a sheet", {})))
    folder = here / "shown"
    folder.mkdir()
    for name in ("a.png", "a.jpg"):
        (folder / name).write_bytes(b"mine")
    (folder / "sheet").symlink_to(folder)  # into which the sheets would be written
    status, document = run_json("bench", "--sheet", str(folder))
    assert (status, set(document["sheets"])) == (0, {"a.jpg", "a.png"})
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == {
        "a.png": b"mine",
        "a.jpg": b"mine",
        "a-2.png": b"a sheet",
        "a-3.png": b"a sheet",
    }
    assert run_json("bench", "--sheet", str(folder), "--exists", "replace")[1]["code"] == "output-is-input"
    assert run_json("bench", "--sheet", str(here / "absent"))[1]["field"] == "sheet"
