"""`mien plan` lays out every component, and refuses by the field's name."""

import json
from pathlib import Path
from typing import Any

import pytest

from mien_cli.main import main
from mien_pipeline import device
from mien_pipeline.device import installed_memory
from mien_pipeline.memory_limits import MACHINE_FOLDER, MemoryLimits
from mien_pipeline.plan.placement import GIB


def test_the_command_lays_out_every_component(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "8", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["fits"] is True
    assert printed["peak_bytes"] == max(printed["phases"].values())
    row = next(row for row in printed["components"] if row["name"] == "transformer")
    assert (row["dtype"], row["where"], row["parameters"]) == ("float8", "streamed", 11_901_408_320)
    assert main(["plan", "--vram", "16", "--device", "unified"]) == 0
    assert "streamed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--vram", "0.9"], "not-enough-memory"),
        (["--vram", "-1"], "invalid-options"),
        (["--vram", "8", "--side", "40"], "invalid-options"),
        (["--vram", "8", "--ram", "0"], "invalid-options"),
        (["--vram", "8", "--ram", "8"], "not-enough-memory"),
        (["--vram", "8", "--engine", "photoshop"], "unknown-engine"),
        (["--vram", "2", "--engine", "klein"], "not-enough-memory"),
        (["--vram", "64", "--engine", "klein", "--device", "cpu"], "engine-unavailable"),
    ],
)
def test_the_command_refuses_by_name(capsys: pytest.CaptureFixture[str], flags: list[str], code: str) -> None:
    assert main(["plan", *flags, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == code


def test_klein_has_a_plan_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "8", "--ram", "32", "--engine", "klein", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    rows = {row["name"]: (row["dtype"], row["where"], row["parameters"]) for row in printed["components"]}
    assert rows["transformer"] == ("float8", "resident", 3_875_544_576)
    assert rows["text_encoder"][:2] == ("bfloat16", "on-demand")
    assert printed["vae"] == "whole"


def test_other_engines_have_a_plan_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "4", "--engine", "mesh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["peak_bytes"] < GIB


def test_main_memory_that_was_described_decides_as_it_does_for_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    """T5 becomes smaller beside little main memory; this machine's own is counted where none was named."""

    def planned(*flags: str) -> dict[str, Any]:
        assert main(["plan", "--vram", "8", *flags, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    t5 = {
        gib: next(row["dtype"] for row in planned("--ram", gib)["components"] if row["name"] == "text_encoder_2")
        for gib in ("21", "64")
    }
    assert t5 == {"21": "float8", "64": "bfloat16"}
    assert planned()["host_memory_bytes"] == installed_memory()


def test_a_machine_whose_own_main_memory_is_too_small_sees_the_plan_and_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "main_memory", lambda: 4 * GIB)
    assert main(["plan", "--vram", "8"]) == 0
    assert "of 1.0 GiB usable: too few here, and the engine would refuse" in capsys.readouterr().out
    assert main(["plan", "--vram", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] is False


def test_one_command_clears_what_was_remembered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = MemoryLimits(tmp_path / MACHINE_FOLDER)
    limits.write("flux", {"card": "RTX 4090"}, 20 * GIB)
    words = ["plan", "--forget-limits", "--state-dir", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forgotten"][0]["usable_bytes"] == 20 * GIB
    assert limits.read_all() == []
    assert main(words) == 0
    assert capsys.readouterr().out == "nothing was kept\n"
