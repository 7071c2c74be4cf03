"""`mien plan` lays out every component, and refuses by the field's name."""

import json

import pytest

from mien_cli.main import main
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
        (["--vram", "8", "--engine", "photoshop"], "unknown-engine"),
    ],
)
def test_the_command_refuses_by_name(capsys: pytest.CaptureFixture[str], flags: list[str], code: str) -> None:
    assert main(["plan", *flags, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == code


def test_other_engines_have_a_plan_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--vram", "4", "--engine", "mesh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["peak_bytes"] < GIB
