"""Where things lie: state, cache, logs and models of one user. Light, because the tray loads it too."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

from mien_api.state_folder import find_state_folder
from mien_api.state_folder import make_private as make_private

DAEMON_LOG = "daemon.log"
"""What a daemon in the background logs to, in the folder of logs."""


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
            state=find_state_folder(state_dir),
            # A state folder of one's own holds everything but the models, so that trying things out leaves no trace.
            cache=Path(state).absolute() / "cache" if state else own.user_cache_path,
            logs=Path(state).absolute() / "logs" if state else own.user_log_path,
            models=Path(models).absolute() if models else own.user_data_path / "models",
        )
