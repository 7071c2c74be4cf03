"""Progress on stderr: a bar on a terminal, clean lines elsewhere, nothing at all with `--json`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

OnFraction = Callable[[str, float], None]
"""(stage, 0..1 of the whole)."""


def ignore_fraction(stage: str, fraction: float) -> None:
    """The listener for whoever does not look."""


@contextmanager
def job_bar(*, quiet: bool) -> Generator[OnFraction]:
    """One swap's bar; gone when it is over."""
    if quiet or not sys.stderr.isatty():
        yield ignore_fraction
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        yield lambda stage, fraction: progress.update(task, description=stage, completed=fraction)
