"""A process that makes one picture has its memory in large pages, and clears it once."""

import subprocess
import sys
from pathlib import Path

import pytest

THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")

CODE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from mien_core.large_pages import use_large_pages

if sys.argv[1] == "large":
    use_large_pages()
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
    assert count_faults("large") < count_faults("usual") / 4


@pytest.mark.skipif(not THP.exists() or "[never]" in THP.read_text(), reason="this system has no large pages")
def test_a_page_is_large() -> None:
    """30 MB, which both threads hold at once, are 7680 small pages."""
    assert count_faults("large") < 2500


def test_a_system_without_them_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien_core.large_pages import use_large_pages

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "ctypes", None)
    use_large_pages()
