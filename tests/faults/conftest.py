"""The state folder of a daemon whose system calls fail below it."""

from pathlib import Path

import pytest


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "under/state"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
