"""What is installed: one small file a model, written last, so that a model is there whole or not at all."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from mien_core.files import make_folder, write_whole
from mien_core.locks import exclusively

State = Literal["ready", "missing", "partial", "quarantined"]


class InstalledFile(BaseModel, frozen=True):
    """One file as it was when its digest was last computed."""

    sha256: str
    size: int
    mtime_ns: int
    verified_at: datetime
    repository: str
    revision: str
    state: State = "ready"


class Installed(BaseModel, frozen=True):
    """One model; files by the path they are installed under."""

    version: str
    files: dict[str, InstalledFile]


class Records:
    """The folder of records."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "installed"
        self._guard = root / "locks" / ".records"

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.json"

    def read(self, model: str) -> Installed | None:
        """None when the model is not installed, or its record is damaged: its files are then checked anew."""
        try:
            return Installed.model_validate_json(self._path(model).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, model: str, installed: Installed) -> None:
        make_folder(self._folder)
        write_whole(self._path(model), installed.model_dump_json(indent=1).encode())

    def note(self, model: str, path: str, file: InstalledFile) -> None:
        """Change what is said of one file, if the model is installed."""
        with exclusively(self._guard):
            if (installed := self.read(model)) is not None:
                self.write(model, installed.model_copy(update={"files": {**installed.files, path: file}}))

    def remove(self, model: str) -> None:
        self._path(model).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[str, Installed]]:
        for path in sorted(self._folder.glob("*.json")):
            if (installed := self.read(path.stem)) is not None:
                yield path.stem, installed
