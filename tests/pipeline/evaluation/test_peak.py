"""The peak is what this process held while something ran, not what it held before."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from mien_pipeline.evaluation import peak
from mien_pipeline.evaluation.peak import measure_peak


def hold(mb: int) -> int:
    """Fill a new mapping: the allocator may have as many pages left from an earlier test, and those would not count."""
    with mmap.mmap(-1, mb * 1_000_000) as pages:
        filled = np.frombuffer(pages, np.uint8)
        filled += 1
        total = int(filled.sum())
        del filled
        return total // 1_000_000


def test_what_is_held_meanwhile_counts_and_what_was_held_before_does_not() -> None:
    assert sys.platform == "linux"
    hold(300)
    (first, small), (second, large) = measure_peak(lambda: hold(1)), measure_peak(lambda: hold(200))
    assert (first, second) == (1, 200)
    assert small is not None
    assert large is not None
    assert 150 < large - small < 290


def test_a_system_that_does_not_tell_leaves_the_figure_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peak, "_FORGET", tmp_path / "none" / "clear_refs")
    assert measure_peak(lambda: hold(1)) == (1, None)
