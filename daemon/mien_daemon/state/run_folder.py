"""Where one run over a folder of pictures keeps what its workers read and write, and nothing that outlives it.

The pictures and their results lie below the state folder, opened references in memory where the system has such a
place. Both belong to one run: a daemon that starts meanwhile clears away what other runs have left, and not these.
"""

import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mien_core.locks import exclusively, exclusively_or_not_at_all, is_held
from mien_daemon.state.personal_data import folder_for_references, memory_folder, remove

NAME = "batch"
STARTING = "starting.lock"
"""Held while a run begins, so that no other takes it for a dead one."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The two folders of a run; `private` is for opened references."""

    pictures: Path
    private: Path


@contextmanager
def open_run_folder(state: Path) -> Generator[RunFolder]:
    """The folders of a new run, which are gone when the block ends; what dead runs left is removed first."""
    root, name = state / NAME, secrets.token_hex(8)
    lock = root / f"{name}.lock"
    root.mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as held:
        with exclusively(root / STARTING):
            _remove_dead_runs(root)
            held.enter_context(exclusively_or_not_at_all(lock))
        folders = RunFolder(root / name, folder_for_references(root) / f"{name}.private")
        try:
            for folder in (folders.pictures, folders.private):
                folder.mkdir(mode=0o700)
            yield folders
        finally:
            for folder in (folders.pictures, folders.private):
                with suppress(FileNotFoundError):
                    remove(folder)
    with suppress(OSError):  # the next run removes it
        lock.unlink()


def remove_dead_runs(state: Path) -> None:
    """Delete the folders of runs whose process is gone."""
    root = state / NAME
    if root.is_dir():
        with exclusively(root / STARTING):
            _remove_dead_runs(root)


def _remove_dead_runs(root: Path) -> None:
    memory = memory_folder(root)
    for place in (root, root / "spool", *([memory] if memory else [])):
        for path in list(place.iterdir()) if place.is_dir() else []:
            name = path.name.partition(".")[0]
            if path.name not in {STARTING, "spool"} and not is_held(root / f"{name}.lock"):
                remove(path)
