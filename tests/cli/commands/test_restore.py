"""`mien restore` repairs a picture of any tool, and its result is for whom the umask says."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

RunJson = Callable[..., tuple[int, Any]]


def test_a_result_is_for_whom_the_umask_says_and_the_state_for_this_user_alone(here: Path, run_json: RunJson) -> None:
    umask = os.umask(0o027)
    try:
        assert run_json("restore", "astronaut.png", "-o", "out.png", "--local")[0] == 0
    finally:
        os.umask(umask)
    assert (here / "out.png").stat().st_mode & 0o777 == 0o640
    assert (here / "state").stat().st_mode & 0o777 == 0o700
