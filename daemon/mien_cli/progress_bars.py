"""Progress on stderr: a bar on a terminal, clean lines elsewhere, nothing at all with `--json`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mien_cli.interrupts import INTERRUPTS
from mien_models.progress import OnPull, PullProgress

if TYPE_CHECKING:
    from rich.progress import TaskID

LONG_BYTES = 100_000_000  # a shorter download is over before a second line is worth reading

OnFraction = Callable[[str, float], None]
"""(stage, 0..1 of the whole)."""


def _notice_interruption(*_progress: object) -> None:
    INTERRUPTS.check()


@contextmanager
def show_job_progress(*, quiet: bool) -> Generator[OnFraction]:
    """Show one job's bar; it disappears when the job ends. A step is where an interruption that was lost is noticed."""
    if quiet or not sys.stderr.isatty():
        yield _notice_interruption
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=1.0)

        def show(stage: str, fraction: float) -> None:
            INTERRUPTS.check()
            progress.update(task, description=stage, completed=fraction)

        yield show


@contextmanager
def show_pull_progress(*, quiet: bool) -> Generator[OnPull]:
    """Show a bar with bytes, rate and time for each model; without a terminal, a line for each stage."""
    if quiet:
        yield lambda _: INTERRUPTS.check()
        return
    if not sys.stderr.isatty():
        yield PullLines().write
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def show(now: PullProgress) -> None:
            INTERRUPTS.check()
            if now.note:
                progress.console.print(now.note, markup=False)
            if now.model not in tasks:
                tasks[now.model] = progress.add_task(now.model, total=None)
            progress.update(
                tasks[now.model],
                description=f"{now.model}: {now.stage}",
                completed=now.done_bytes,
                total=now.total_bytes or None,
            )

        yield show


class PullLines:
    """Writes a line when a model's stage changes, and at each tenth of a long download: few enough for a log."""

    def __init__(self) -> None:
        self._written: set[tuple[str, str, int]] = set()

    def write(self, now: PullProgress) -> None:
        INTERRUPTS.check()
        if now.note:
            sys.stderr.write(f"{now.note}\n")
        tenth = 10 * now.done_bytes // now.total_bytes if now.total_bytes > LONG_BYTES else 0
        if (now.model, now.stage, tenth) not in self._written:
            self._written.add((now.model, now.stage, tenth))
            sys.stderr.write(f"{now.model}: {now.stage}{describe_transfer(now)}\n")


def describe_transfer(now: PullProgress) -> str:
    """Bytes, rate and time to go, as far as they are known; '' for a stage without bytes."""
    if now.stage not in {"downloading", "verifying"} or not now.total_bytes:
        return ""
    words = f" {now.done_bytes / 1e6:.1f} of {now.total_bytes / 1e6:.1f} MB"
    if now.eta_s is not None and now.done_bytes:
        words += f", {now.bytes_per_s / 1e6:.1f} MB/s, {now.eta_s:.0f} s to go"
    return words
