"""`mien doctor --check` looks at the state folder whether a daemon runs or not; `--repair` mends it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien_daemon.state.database import Database

RunJson = Callable[..., tuple[int, Any]]


def test_a_state_folder_in_which_nothing_was_made_yet_has_nothing_wrong(here: Path, run_json: RunJson) -> None:
    assert run_json("doctor", "--check") == (0, {"ok": True, "findings": []})
    assert not (here / "state" / "mien.db").exists()


def test_without_a_daemon_the_command_looks_and_repairs_by_itself(here: Path, run_json: RunJson) -> None:
    state = here / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    Database(state).close()
    (state / "results").mkdir(mode=0o700)
    (state / "results" / "mine.jpg").write_bytes(b"mine")
    other = sqlite3.connect(state / "mien.db", isolation_level=None)
    other.execute("INSERT INTO clients (id, name, scopes, created_at) VALUES ('a', CAST(x'ff' AS TEXT), 'swap', 1)")
    other.close()
    for path in (state, *state.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    state.chmod(0o755)
    status, found = run_json("doctor", "--check")
    codes = ["open-to-others", "broken-row", "result-without-row"]
    assert (status, found["ok"], [each["code"] for each in found["findings"]]) == (1, False, codes)
    assert (state / "results" / "mine.jpg").exists(), "looking changes nothing"
    status, found = run_json("doctor", "--check", "--repair")
    assert (status, found["ok"], [each["done"] for each in found["findings"]]) == (
        0,
        True,
        ["closed", "removed", "quarantined"],
    )
    assert (state / "quarantine" / "results" / "mine.jpg").read_bytes() == b"mine"
    assert run_json("doctor", "--check") == (0, {"ok": True, "findings": []})


def test_a_damaged_database_is_named_and_only_a_repair_moves_it_aside(here: Path, run_json: RunJson) -> None:
    state = here / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "mien.db").write_bytes(b"no database " * 500)
    status, found = run_json("doctor", "--check")
    assert (status, [each["code"] for each in found["findings"]]) == (1, ["damaged-database"])
    assert not list(state.glob("*.damaged-*"))
    status, found = run_json("doctor", "--check", "--repair")
    assert (status, found["findings"][0]["done"]) == (0, "quarantined")
    assert len(list(state.glob("mien.db.damaged-*"))) == 1
