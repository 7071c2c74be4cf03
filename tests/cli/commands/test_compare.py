"""`mien compare` promises: one sheet, one document, every picture; what is not ready is a line; no file is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien_cli.main import main

RunJson = Callable[..., tuple[int, Any]]
WORDS = ("compare", "grace_hopper.jpg", "--face", "astronaut.png", "--basis", "self", "--adult")


def test_one_command_gives_a_sheet_a_document_and_every_picture(run_json: RunJson, here: Path) -> None:
    """Two settings of one engine, an engine and a restorer that are not installed, and an engine left open."""
    engines = [
        word
        for label in ("mesh", "mesh,shape=0.1", "ghost-1", "mesh,restore=1,restorer=gfpgan", "auto")
        for word in ("--engine", label)
    ]
    status, said = run_json(*WORDS, *engines, "-o", "out")
    assert status == 0
    by_label = {each["label"]: each for each in said["compared"]}
    assert [each["state"] for each in said["compared"]] == ["done", "done", "not-ready", "not-ready", "done"]
    assert [each["engine"] for each in said["compared"]] == ["mesh", "mesh", "ghost-1", "mesh", "mesh"]
    lacking = by_label["mesh,restore=1,restorer=gfpgan"]
    assert (lacking["code"], lacking["model"]) == ("model-not-installed", "gfpgan")
    assert by_label["auto"]["choice"]["why"] == "only-ready"
    assert (by_label["ghost-1"]["code"], "ghost-1" in by_label["ghost-1"]["said"]) == ("needs-models", True)
    assert by_label["ghost-1"]["licence"].startswith("Apache 2.0")
    for label in ("mesh", "mesh,shape=0.1"):
        face = next(each for each in by_label[label]["faces"] if each["swapped"])
        assert face["verdict"] in {"clear", "partial", "not"}
        assert 0 <= face["naturalness"] <= 1
        assert by_label[label]["seconds"] > 0
    first, second = (here / "out" / by_label[label]["picture"] for label in ("mesh", "mesh,shape=0.1"))
    assert first.read_bytes() != second.read_bytes()
    kept = json.loads((here / "out" / "compare.json").read_text())
    assert kept["compared"] == said["compared"]
    with PIL.Image.open(said["output"]) as sheet:
        assert sheet.width > 4 * 300
    before = {path: path.read_bytes() for path in (here / "out").iterdir()}
    status, again = run_json(*WORDS, "--engine", "mesh", "-o", "out")
    assert (status, Path(again["output"]).name) == (0, "sheet-2.png")
    assert all(path.read_bytes() == data for path, data in before.items())


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("--engine", "sorcery"), "unknown-engine", "engine"),
        (("--engine", "mesh,shape=9"), "invalid-options", "shape"),
        (("--engine", "mesh,colour=1"), "invalid-options", "colour"),
        (("--engine", "ghost-1", "--engine", "inswapper"), "invalid-options", "engine"),
        (("--engine", "mesh", "--faces", "some"), "invalid-options", "faces"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_its_field_and_leaves_no_folder(
    run_json: RunJson, here: Path, words: tuple[str, ...], code: str, field: str
) -> None:
    status, said = run_json(*WORDS, *words, "-o", "none")
    assert (status, said["code"], said["field"]) == (1, code, field)
    assert not (here / "none").exists()


def test_a_file_where_the_folder_should_be_is_refused_before_any_work(here: Path) -> None:
    (here / "taken").write_text("mine")
    assert main([*WORDS, "--engine", "mesh", "-o", "taken"]) == 1
    assert (here / "taken").read_text() == "mine"
