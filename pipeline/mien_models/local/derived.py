"""Files that are computed from installed ones, kept because it takes long: `derived/` of the models folder.

Each is named by the digests of its parents and by how it is made of them. It can be made again, so that one which
changed is removed and not set aside; it goes with any of its parents. It may be written by the worker in its cage,
which writes nothing else in the models folder: a file here is no more to be trusted than what the worker computes.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mien_core.files import make_beside, naming_disk_errors, remove_file, replace_file, sync_file, write_whole
from mien_core.locks import exclusively
from mien_models.local.blobs import ignore_count, sha256_of
from mien_models.local.disk import check_disk
from mien_models.local.records import InstalledFile

log = logging.getLogger(__name__)

FOLDER = "derived"
# What the record of a file says of where it is from.
_COMPUTED = "computed here"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a file is made.

    Attributes:
        name: of the kind; the store keeps one file of each.
        parents: the digests of every file that it is made of, by model.
        settings: all else that its values depend on.
    """

    name: str
    parents: Mapping[str, Sequence[str]]
    settings: str

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that say all of the above."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


class _Record(BaseModel, frozen=True):
    """What lies beside a derived file, written last."""

    name: str
    parents: tuple[str, ...]
    file: InstalledFile


class DerivedFiles:
    """The folder of derived files."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def find(self, recipe: Recipe) -> Path | None:
        """The file, as it was when it was made; None where there is none, or it changed: then it is removed.

        Size, times and the file's number are compared; where one differs the file is hashed again.
        """
        path = self._path(recipe)
        record = self._read(path)
        return path if record and self._is_as_made(path, record) else None

    def keep(self, recipe: Recipe, size_bytes: int, write: Callable[[Path], None]) -> Path:
        """The file, written by `write` to the path that it is given, unless it is there; others of its name go.

        Raises:
            DiskFull, StoreNotWritable, DiskFailed: nothing is half-made.
        """
        with naming_disk_errors(self.folder.parent):
            self.folder.mkdir(exist_ok=True)
            with exclusively(self.folder / ".lock"):
                if found := self.find(recipe):
                    return found
                self._discard(lambda record: record.name == recipe.name)
                self._remove_halves()
                check_disk(self.folder, size_bytes)
                return self._write(recipe, write)

    def discard_of(self, model: str) -> None:
        """Remove every file that is made of a model."""
        if self.folder.is_dir():
            with exclusively(self.folder / ".lock"):
                self._discard(lambda record: model in record.parents)
                self._remove_halves()

    def verify(self, models: Sequence[str], on_bytes: Callable[[int], None] = ignore_count) -> list[str]:
        """Hash every file that is made of one of these models; the names of those that changed and were removed."""
        removed: list[str] = []
        for path, record in list(self._all()):
            if not set(record.parents).intersection(models):
                continue
            with suppress(FileNotFoundError):
                if sha256_of(path, on_bytes) == record.file.sha256:
                    continue
            self._remove(path)
            removed.append(record.name)
        return removed

    def _write(self, recipe: Recipe, write: Callable[[Path], None]) -> Path:
        path = self._path(recipe)
        with make_beside(path) as beside:
            write(beside)
            sync_file(beside)
            sha256 = sha256_of(beside)
            replace_file(beside, path)
        found = path.stat()
        file = InstalledFile(
            sha256=sha256,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
            verified_at=datetime.now(UTC),
            repository=_COMPUTED,
            revision="",
        )
        self._note(path, _Record(name=recipe.name, parents=tuple(sorted(recipe.parents)), file=file))
        return path

    def _is_as_made(self, path: Path, record: _Record) -> bool:
        try:
            found = path.stat()
            if record.file.is_of(found):
                return True
            if sha256_of(path) == record.file.sha256:
                with suppress(OSError):  # a folder that is only read: the next process hashes again
                    self._note(path, record.model_copy(update={"file": record.file.seen_as(found)}))
                return True
            log.warning("a derived file changed on the disk, and is removed: %s", record.name)
            self._remove(path)
        except FileNotFoundError:
            pass
        except PermissionError:  # it changed, and the folder is only read
            log.warning("a derived file changed on the disk: %s", record.name)
        return False

    def _discard(self, is_meant: Callable[[_Record], bool]) -> None:
        for path, record in list(self._all()):
            if is_meant(record):
                self._remove(path)

    def _remove(self, path: Path) -> None:
        remove_file(path)
        remove_file(_beside(path))

    def _remove_halves(self) -> None:
        """Remove what processes left that were killed, and files without a record. The caller has the lock."""
        for path in self.folder.iterdir():
            is_half = path.name.startswith(".") and path.name != ".lock"
            if is_half or (path.suffix != ".json" and self._read(path) is None):
                remove_file(path)

    def _all(self) -> Iterator[tuple[Path, _Record]]:
        for beside in sorted(self.folder.glob("*.json")):
            path = beside.with_suffix(".safetensors")
            if record := self._read(path):
                yield path, record

    def _path(self, recipe: Recipe) -> Path:
        return self.folder / f"{recipe.digest}.safetensors"

    def _read(self, path: Path) -> _Record | None:
        try:
            return _Record.model_validate_json(_beside(path).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def _note(self, path: Path, record: _Record) -> None:
        write_whole(_beside(path), record.model_dump_json(indent=1).encode())


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
