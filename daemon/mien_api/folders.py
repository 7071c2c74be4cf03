"""Where things lie: state, cache, logs and models of one user. Light, because the tray loads it too."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

from mien_core.errors import DiskFull, MienError, OutputNotWritable


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things lie. All of them belong to this user alone."""

    state: Path
    cache: Path
    logs: Path
    models: Path

    @classmethod
    def find(cls, state_dir: str | Path | None = None, models_dir: str | Path | None = None) -> Self:
        """From flags, the environment, or the platform's own places."""
        own = platformdirs.PlatformDirs("mien", appauthor=False)
        state = state_dir or os.environ.get("MIEN_STATE_DIR")
        models = models_dir or os.environ.get("MIEN_MODELS_DIR")
        return cls(
            state=Path(state).absolute() if state else own.user_state_path,
            # A state folder of one's own holds everything but the models, so that trying things out leaves no trace.
            cache=Path(state).absolute() / "cache" if state else own.user_cache_path,
            logs=Path(state).absolute() / "logs" if state else own.user_log_path,
            models=Path(models).absolute() if models else own.user_data_path / "models",
        )


def make_private(folder: Path) -> None:
    """The folder, there, and this user's alone where it is new.

    Raises:
        OutputNotWritable, DiskFull: `file` says which folder cannot be had.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(path: Path, error: OSError) -> MienError:
    """What the file system refused, as an error that says what to do."""
    kind = DiskFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else OutputNotWritable
    return kind(f"{path} cannot be written: {error.strerror}", file=str(path))
