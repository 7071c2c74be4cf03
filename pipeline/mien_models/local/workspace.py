"""Folders for work in progress on the store's own disk; what killed processes left behind is cleared."""

import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien_core.locks import exclusively


class _InUseError(Exception):
    """Another process works there."""


def _give_up() -> None:
    raise _InUseError


@contextmanager
def open_workspace(root: Path) -> Generator[Path]:
    """A folder below `root`, gone afterwards; those of processes that were killed go first."""
    clear_workspaces(root)
    folder = root / "partial" / f"work-{secrets.token_hex(4)}"
    with exclusively(_lock_of(root, folder)):
        try:
            folder.mkdir(parents=True)
            yield folder
        finally:
            _clear(root, folder)


def clear_workspaces(root: Path) -> None:
    """Remove the folders of processes that were killed."""
    for left in _list_left(root):
        with suppress(_InUseError), exclusively(_lock_of(root, left), _give_up):
            _clear(root, left)


def _list_left(root: Path) -> list[Path]:
    """The folders of every process, and those that only a lock speaks of: made too late, or cleared too early."""
    locked = {root / "partial" / lock.name.removeprefix(".") for lock in (root / "locks").glob(".work-*")}
    return sorted({*(root / "partial").glob("work-*"), *locked})


def _lock_of(root: Path, folder: Path) -> Path:
    """The lock that a process holds from before it makes the folder."""
    return root / "locks" / f".{folder.name}"


def _clear(root: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(PermissionError):  # Windows removes no open file
        _lock_of(root, folder).unlink(missing_ok=True)
