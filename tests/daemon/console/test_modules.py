"""The console's modules under node's own test runner; the tests are beside this file in `console/`."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MODULES = Path(__file__).parent


def test_the_modules_keep_their_promises() -> None:
    tests = sorted(str(path) for path in MODULES.rglob("*.test.mjs"))
    done = subprocess.run(["node", "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
