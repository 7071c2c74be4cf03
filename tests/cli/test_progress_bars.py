"""Progress: lines that a log can hold where there is no terminal, and nothing at all where it must be quiet."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mien_cli.progress_bars import LONG_BYTES, PullLines, describe_transfer, show_job_progress, show_pull_progress
from mien_models.progress import PullProgress, Stage

MB = 1_000_000


def progress(
    done: int, total: int = LONG_BYTES * 10, stage: Stage = "downloading", rate: float = 0.0, note: str = ""
) -> PullProgress:
    return PullProgress("m", stage, done, total, rate, note)


def test_a_long_download_is_a_line_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PullLines()
    for percent in range(101):
        lines.write(progress(10 * MB * percent, 1000 * MB))
    assert len(capsys.readouterr().err.splitlines()) == 11


def test_a_short_download_is_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PullLines()
    stages: tuple[Stage, ...] = ("downloading", "verifying", "done")
    for stage in stages:
        for done in range(0, 10 * MB, MB):
            lines.write(progress(done, 10 * MB, stage))
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[1] for line in said] == ["downloading", "verifying", "done"]


def test_a_note_is_written_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PullLines()
    for _ in range(2):
        lines.write(progress(0, note="it is slow"))
    assert capsys.readouterr().err.splitlines().count("it is slow") == 2


def test_rate_and_time_to_go_are_said_once_they_are_known() -> None:
    assert describe_transfer(progress(0, 20 * MB)) == " 0.0 of 20.0 MB"
    known = progress(5 * MB, 20 * MB, rate=2.5 * MB)
    assert describe_transfer(known) == " 5.0 of 20.0 MB, 2.5 MB/s, 6 s to go"
    assert describe_transfer(progress(5, 20, "done")) == ""


@given(some.lists(some.integers(0, 10 * LONG_BYTES)))
def test_however_progress_comes_there_are_no_more_lines_than_tenths(seen: list[int]) -> None:
    lines = PullLines()
    with pytest.MonkeyPatch.context() as patched:
        written: list[str] = []
        patched.setattr(sys.stderr, "write", written.append)
        for done in seen:
            lines.write(progress(done))
    assert len(written) <= 11


def test_quiet_means_nothing_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with show_pull_progress(quiet=True) as pull, show_job_progress(quiet=True) as job:
        pull(progress(5))
        job("blend", 0.5)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_bars_are_drawn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with show_pull_progress(quiet=False) as pull:
        pull(progress(5 * MB, 10 * MB))
        pull(progress(10 * MB, 10 * MB, "done"))
    assert "m: done" in capsys.readouterr().err
