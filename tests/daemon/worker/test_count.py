"""How many workers a run has."""

from typing import NamedTuple

import psutil
import pytest

from mien_daemon.worker import count as counting
from mien_daemon.worker.count import count_workers

GIB = 1 << 30


class Memory(NamedTuple):
    available: int


@pytest.mark.parametrize(
    ("wanted", "engine", "accelerated", "count"),
    [("3", 1, False, 3), ("auto", 1, False, 4), ("auto", 6, False, 1), ("auto", 1, True, 1), ("auto", 64, False, 1)],
)
def test_auto_takes_what_processors_and_free_memory_feed(
    wanted: str, engine: int, accelerated: bool, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "count_processors", lambda: 4)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(11 * GIB))
    assert count_workers(wanted, engine * GIB, accelerated=accelerated) == count
