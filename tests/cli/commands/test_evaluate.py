"""`mien evaluate`: a report that goes on where it stopped, and refusals before any work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

RunJson = Callable[..., tuple[int, Any]]


SIDE_PX = 300  # faces of 100 px and more: the largest level of the sizes still makes them smaller


@pytest.fixture
def people(here: Path) -> Path:
    folder = here / "people"
    folder.mkdir()
    for name in ("astronaut.png", "grace_hopper.jpg"):
        with PIL.Image.open(here / name) as portrait:
            portrait.thumbnail((SIDE_PX, SIDE_PX))
            portrait.save((folder / name).with_suffix(".png"))
    return folder


def test_a_report_is_written_and_a_second_run_has_nothing_left(people: Path, run_json: RunJson) -> None:
    words = ("evaluate", "--engine", "mesh", "--engine", "inswapper", "--claims", "size", "--pictures", str(people))
    status, said = run_json(*words, "-o", "out")
    assert (status, said["cases"], said["run"]) == (0, 6, 6)
    assert said["not_run"] == {"inswapper": "not installed: inswapper"}
    assert {Path(path).name for path in said["files"]} == {"report.md", "report.html", "size.svg"}
    text = Path("out/report.md").read_text(encoding="utf-8")
    assert "### mesh: face width, px" in text
    assert "random numbers" not in text
    lines = [json.loads(each) for each in Path("out/cases.jsonl").read_text(encoding="utf-8").splitlines()]
    done = [line for line in lines if line["state"] == "done"]
    assert len(done) == 6
    large = [line for line in done if line["label"] == "96"]
    assert all(line["identity"]["to_reference"] > 0.4 for line in large)
    assert all(0 <= line["naturalness"] <= 1 for line in done)
    assert all(line["ceiling"] > 0.4 and line["memory_mb"] > 50 for line in large)
    assert {path.stem for path in Path("out/pictures").iterdir()} <= {line["key"] for line in done}
    assert len(list(Path("out/pictures").iterdir())) == 5
    again = run_json(*words, "-o", "out")[1]
    assert (again["cases"], again["run"]) == (6, 0)


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("--claims", "beauty"), "invalid-options", "claims"),
        (("--engine", "none"), "unknown-engine", "engine"),
        (("--engine", "inswapper"), "invalid-options", "engine"),
        (("--engine", "mesh", "--set", "shap=1"), "invalid-options", "shap"),
        (("--engine", "mesh", "--set", "shape"), "invalid-options", "set"),
        (("--pictures", "absent"), "invalid-options", "pictures"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name_and_leaves_no_folder(
    here: Path, run_json: RunJson, words: tuple[str, ...], code: str, field: str
) -> None:
    status, problem = run_json("evaluate", *words, "-o", "out")
    assert (status, problem["code"], problem["field"]) == (1, code, field)
    assert not (here / "out").exists()


def test_one_picture_is_too_few(here: Path, people: Path, run_json: RunJson) -> None:
    (people / "astronaut.png").unlink()
    status, problem = run_json("evaluate", "--pictures", str(people), "-o", "out")
    assert (status, problem["field"]) == (1, "pictures")
