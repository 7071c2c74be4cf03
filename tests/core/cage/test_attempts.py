"""`mien doctor` says what holds because it was tried, and not because a module says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mien_core.cage import attempts
from mien_core.cage.walls import WALLS
from mien_testing.stand_in import returning


def test_every_wall_is_tried_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # folders of modules are read; these hold the file that is tried
    found = attempts.check()
    assert list(found) == list(WALLS)
    states = {wall: each["state"] for wall, each in found.items()}
    assert {states[wall] for wall in ("network", "programs", "processes", "kernel", "memory")} == {"on"}
    assert set(states.values()) <= {"on", "not-here"}, found


def test_a_cage_that_is_switched_off_is_called_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CAGE", "off")
    assert {(each["state"], each["why"]) for each in attempts.check().values()} == {("off", "MIEN_CAGE=off")}


def test_a_wall_that_says_it_is_closed_and_lets_something_through_is_called_open(tmp_path: Path) -> None:
    (tmp_path / "outside").touch()
    code = f"""
import json
from pathlib import Path
from mien_core.cage import attempts, walls
walls.close = lambda cage: {{}}
print(json.dumps(attempts.try_to_get_out(Path({str(tmp_path / "outside")!r}))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["files"]["state"] == found["network"]["state"] == found["programs"]["state"] == "off"
    assert "went through: a file elsewhere" in found["files"]["why"]


@pytest.mark.parametrize("script", ["import sys; sys.exit(3)", "print('no document')"])
def test_a_cage_that_could_not_be_tried_is_called_open(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(attempts, "command_for", returning([sys.executable, "-c", script]))
    assert {each["state"] for each in attempts.check().values()} == {"off"}


def test_a_worker_that_asks_a_time_stamp_authority_has_no_wall_against_the_network() -> None:
    found = attempts.check(web=True)
    assert found["network"]["state"] == "off"
    assert "programs of this machine" not in found["network"]["why"]
    assert found["programs"]["state"] == "on"
