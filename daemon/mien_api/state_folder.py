"""Where the daemon of this user keeps its state: found with the standard library alone, because scripts look there too.

The places are those of platformdirs; a test compares them.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mien_core.files import make_private_folder, naming_output_errors

NAME = "mien"


def find_state_folder(state_dir: str | Path | None = None) -> Path:
    """The folder that was named, else that of `MIEN_STATE_DIR`, else the platform's own place."""
    named = state_dir or os.environ.get("MIEN_STATE_DIR")
    return Path(named).absolute() if named else find_platforms_own(sys.platform, os.environ, Path.home())


def find_platforms_own(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """The platform's own place for state. Source: platformdirs' `user_state_path`.

    Args:
        platform: as `sys.platform`.
        environ: the environment.
        home: the person's own folder.
    """
    if platform == "win32":
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData/Local") / NAME
    if (chosen := environ.get("XDG_STATE_HOME", "").strip()) and Path(chosen).is_absolute():
        return Path(chosen) / NAME  # platformdirs reads it on macOS too
    return home / ("Library/Application Support" if platform == "darwin" else ".local/state") / NAME


def make_private(folder: Path) -> None:
    """Make the folder if it is not there; a new one is this user's alone.

    Raises:
        OutputNotWritable, DiskFull: `file` says which folder cannot be had.
    """
    with naming_output_errors(folder):
        make_private_folder(folder)
