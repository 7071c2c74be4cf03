"""`mien doctor` finds what is missing and says where everything lies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

RunJson = Callable[..., tuple[int, Any]]


def test_doctor_finds_the_models_and_says_where_everything_lies(here: Path, run_json: RunJson) -> None:
    status, found = run_json("doctor")
    assert status == 0
    assert found["models"]["missing"] == []
    assert found["daemon"] == {"running": False}
    assert found["folders"]["state"]["path"] == str(here / "state")
