"""`mien demo` swaps two bundled portraits, or refuses and writes nothing."""

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
    assert report["faces"][0]["identity"]["to_reference"] > report["faces"][0]["identity"]["before"]


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
