"""The build writes the commit that it was made from into the package; `mien --version` shows it."""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "mien_core/commit.txt"


class CommitHook(BuildHookInterface[Any]):
    """Adds `mien_core/commit.txt`. A source distribution keeps it at its top, where a wheel made of it finds it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave editable installs alone: their commit changes without a build."""
        commit = find_commit(Path(self.root))
        if version == "editable" or commit is None:
            return
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        written = Path(folder) / "commit.txt"
        written.write_text(f"{commit}\n", encoding="utf-8")
        build_data["force_include"][str(written)] = "commit.txt" if self.target_name == "sdist" else INSIDE


def find_commit(root: Path) -> str | None:
    """The commit that the caller names, that the source distribution brings, or that git tells; None without all."""
    if named := os.environ.get("MIEN_COMMIT"):
        return named
    if (brought := root / "commit.txt").is_file():
        return brought.read_text(encoding="utf-8").strip()
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
