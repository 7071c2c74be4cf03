"""`mien demo` swaps two public-domain portraits, or refuses and writes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_cli.main import main

pytestmark = pytest.mark.slow

RunJson = Callable[..., tuple[int, Any]]


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_demo_swaps_two_portraits_and_shows_them_side_by_side(here: Path, run_json: RunJson) -> None:
    status, report = run_json("demo", "-o", "shown")
    assert status == 0
    assert pictures(here / "shown") == {"target.jpg", "result.jpg", "side-by-side.png"}
    (face,) = report["faces"]
    assert face["identity"]["to_reference"] > max(face["identity"]["before"], face["identity"]["to_target"])
    assert (face["warnings"], report["warnings"]) == ([], [])


def test_the_demo_writes_over_no_picture_and_its_pictures_have_one_number(here: Path, run_json: RunJson) -> None:
    (here / "shown").mkdir()
    (here / "shown" / "target.jpg").write_bytes(b"mine")
    status, report = run_json("demo", "-o", "shown")
    assert status == 0
    assert pictures(here / "shown") == {"target.jpg", "target-2.jpg", "result-2.jpg", "side-by-side-2.png"}
    assert report["output"] == str(Path("shown") / "result-2.jpg")
    assert (here / "shown" / "target.jpg").read_bytes() == b"mine"


def test_the_demo_refuses_a_place_before_it_works_in_it(here: Path, run_json: RunJson) -> None:
    status, problem = run_json("demo", "-o", "nobody.png", "--models-dir", str(here / "empty"))
    assert (status, problem["code"]) == (1, "output-not-writable")
    (here / "target.jpg").write_bytes(b"mine")
    status, problem = run_json("demo", "-o", ".", "--exists", "fail", "--models-dir", str(here / "empty"))
    assert (status, problem["code"]) == (1, "output-exists")
    for name in ("result.jpg", "side-by-side.png"):
        (here / name).write_bytes(b"mine")
    status, report = run_json("demo", "-o", ".", "--exists", "skip", "--models-dir", str(here / "empty"))
    assert (status, report["skipped"]) == (0, True)


def test_offline_a_model_that_is_missing_is_refused_and_nothing_claims_to_be_fetched(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MODELS_DIR", str(here / "empty"))
    for command in (["demo"], ["swap", "astronaut.png", "--face", "grace_hopper.jpg", "--local", "-o", "out.png"]):
        assert main([*command, "--json"]) == 1
        told = capsys.readouterr()
        assert json.loads(told.out)["code"] == "offline"
        assert "Fetching" not in told.err
    assert pictures(here) == {"astronaut.png", "grace_hopper.jpg", "nobody.png"}
    assert not (here / "mien-demo").exists()
