"""The log stays small: long files are cut, repeated lines are counted, and no other program's file is touched."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from mien_daemon import log as module
from mien_daemon.log import LONGEST_LINE, SAME_LINES, SAME_S, BoundedLog, SameLines, keep_cutting


def line(words: str, *values: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("mien", level, "", 0, words, values, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon.log"


@pytest.fixture
def stream(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Standard error as the daemon in the background has it: appended to the log."""
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with path.open("a", encoding="utf-8") as opened:
        yield opened


def log_on(path: Path, stream: TextIO) -> BoundedLog:
    handler = BoundedLog(path)
    handler.setStream(stream)
    return handler


def test_a_line_that_is_repeated_is_written_ten_times_and_then_counted() -> None:
    now = 0.0
    same = SameLines(lambda: now)
    assert sum(same.filter(line("no connection: %s", number)) for number in range(1000)) == SAME_LINES
    assert same.filter(line("another line"))
    assert same.filter(line("no connection: %s", 1, level=logging.ERROR))
    now = SAME_S
    late = line("no connection: %s", "again")
    assert same.filter(late)
    assert late.getMessage() == "no connection: again (990 more like this were left out)"
    assert sum(same.filter(line("no connection: %s", number)) for number in range(1000)) == SAME_LINES - 1


def test_lines_of_ever_new_kinds_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KINDS", 5)
    same = SameLines()
    for number in range(100):
        assert same.filter(line(f"{number}"))
    assert len(same._kinds) == 5  # pyright: ignore[reportPrivateUsage]


def test_a_long_log_is_cut_in_place_and_its_end_is_kept(path: Path, stream: TextIO) -> None:
    handler = log_on(path, stream)
    for number in range(200):
        handler.emit(line(f"line {number}"))
        assert path.stat().st_size <= 1000
    stream.write("another process's line\n")
    stream.flush()
    older = path.with_name("daemon.log.1")
    lines = (older.read_text() + path.read_text()).splitlines()
    assert lines[-2:] == ["line 199", "another process's line"]
    whole = lines[1:-1]  # the first may be cut
    assert whole == [f"line {number}" for number in range(200 - len(whole), 200)], "nothing in between is lost"
    assert older.stat().st_mode & 0o777 == 0o600


def test_of_a_log_of_any_size_only_the_end_is_kept(path: Path, stream: TextIO) -> None:
    stream.write("x" * 50_000 + "the end\n")
    stream.flush()
    log_on(path, stream).cut()
    assert path.stat().st_size == 0
    assert len(older := path.with_name("daemon.log.1").read_text()) == 1000
    assert older.endswith("the end\n")


def test_a_file_that_is_not_the_log_is_left_alone(tmp_path: Path, stream: TextIO, path: Path) -> None:
    stream.write("x" * 5000)
    stream.flush()
    (tmp_path / "other.log").write_text("y" * 5000)
    log_on(tmp_path / "other.log", stream).cut()
    log_on(tmp_path / "missing.log", stream).cut()
    assert (path.stat().st_size, (tmp_path / "other.log").stat().st_size) == (5000, 5000)


def test_one_line_is_no_longer_than_any_of_ours(path: Path, stream: TextIO) -> None:
    assert len(BoundedLog(path).format(line("x" * 100_000))) == LONGEST_LINE


async def test_what_other_processes_write_is_cut_as_well(path: Path, stream: TextIO) -> None:
    import asyncio

    root, handler = logging.getLogger(), log_on(path, stream)
    stream.write("x" * 5000)
    stream.flush()
    root.addHandler(handler)
    try:
        cutting = asyncio.create_task(keep_cutting())
        await asyncio.sleep(0)
        assert not path.read_bytes()  # noqa: ASYNC240
        cutting.cancel()
    finally:
        root.removeHandler(handler)
