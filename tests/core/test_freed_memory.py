"""A process that makes one picture has its memory cleared once."""

import subprocess
import sys

import pytest

from mien_core.freed_memory import keep_freed_memory

CODE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from mien_core.freed_memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
with ThreadPoolExecutor(2) as threads:
    for _ in range(10):
        list(threads.map(lambda size: bytearray(b"x") * size, (10 << 20, 20 << 20)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(kind: str) -> int:
    """How often the system cleared and mapped memory, while threads took and freed 300 MB in all."""
    done = subprocess.run([sys.executable, "-c", CODE, kind], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's and glibc's")
def test_memory_that_was_freed_is_not_cleared_again() -> None:
    assert count_faults("kept") < count_faults("usual") / 2


def test_another_system_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list[object]()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", loaded.append)
    keep_freed_memory()
    assert loaded == []
