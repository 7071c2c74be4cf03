"""Files that are computed from installed ones, kept because it takes long: `derived/` of the models folder.

Each is named by the digests of its parents and by how it is made of them. It can be made again, so that one which
changed is removed and not set aside; it goes with any of its parents. It may be written by the worker in its cage,
which writes nothing else in the models folder: a file here is no more to be trusted than what the worker computes,
and whatever a worker that was taken over leaves here neither stops a model's removal nor is followed anywhere.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
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
_LOCK = ".lock"
# What `_path` makes, and the record beside it.
_NAME = re.compile(r"[0-9a-f]{64}\.(safetensors|json)")
_MOST_RECORD_BYTES = 1 << 16  # one has under 2 KB
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
        record = _read(path)
        return path if record and self._is_as_made(path, record) else None

    def keep(self, recipe: Recipe, size_bytes: int, write: Callable[[Path], None]) -> Path:
        """The file, written by `write` to the path that it is given, unless it is there; others of its name go.

        Raises:
            DiskFull, StoreNotWritable: nothing is half-made. Any other error of the disk passes as it is.
        """
        with naming_disk_errors(self.folder.parent):
            self.folder.mkdir(exist_ok=True)
            with self._locked():
                if found := self.find(recipe):
                    return found
                self._discard(lambda record: record.name == recipe.name)
                self._remove_leftovers()
                check_disk(self.folder, size_bytes)
                return self._write(recipe, write)

    def discard_of(self, model: str) -> None:
        """Remove every file that is made of a model. What the system refuses to remove stays, and the log names it."""
        try:
            if self.folder.is_dir():
                with self._locked():
                    self._discard(lambda record: model in record.parents)
                    self._remove_leftovers()
        except OSError as error:
            log.warning("what is derived from %s cannot be removed: %s", model, error)

    def verify(self, models: Sequence[str], on_bytes: Callable[[int], None] = ignore_count) -> list[str]:
        """Hash every file that is made of one of these models; the names of those that changed and were removed."""
        removed: list[str] = []
        for path, record in list(self._all()):
            if not set(record.parents).intersection(models):
                continue
            if _digest_of(path, on_bytes) == record.file.sha256:
                continue
            _remove(path)
            removed.append(record.name)
        return removed

    def _locked(self) -> AbstractContextManager[None]:
        """No other process keeps or discards a file meanwhile."""
        lock = self.folder / _LOCK
        if lock.is_symlink() or lock.is_dir():
            _remove_entry(lock)
        return exclusively(lock)

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
        _note(path, _Record(name=recipe.name, parents=tuple(sorted(recipe.parents)), file=file))
        return path

    def _is_as_made(self, path: Path, record: _Record) -> bool:
        found = _look(path)
        if found and record.file.is_of(found):
            return True
        if found and _digest_of(path) == record.file.sha256:
            with suppress(OSError):  # a folder that is only read: the next process hashes again
                _note(path, record.model_copy(update={"file": record.file.seen_as(found)}))
            return True
        log.warning("a derived file is not as it was made: %s", record.name)
        _remove(path)
        return False

    def _discard(self, is_meant: Callable[[_Record], bool]) -> None:
        for path, record in list(self._all()):
            if is_meant(record):
                _remove(path)

    def _remove_leftovers(self) -> None:
        """Remove all but files with their records: halves of killed processes, and what never was ours.

        The caller has the lock, whose file stays: without it two processes would each hold a lock of their own.
        """
        for path in list(self.folder.iterdir()):
            if path.name != _LOCK and not (_NAME.fullmatch(path.name) and _read(path)):
                _remove_entry(path)

    def _all(self) -> Iterator[tuple[Path, _Record]]:
        for beside in sorted(self.folder.glob("*.json")):
            path = beside.with_suffix(".safetensors")
            if _NAME.fullmatch(beside.name) and (record := _read(path)):
                yield path, record

    def _path(self, recipe: Recipe) -> Path:
        return self.folder / f"{recipe.digest}.safetensors"


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _read(path: Path) -> _Record | None:
    """The record of the file at `path`; None where there is none that can be read."""
    beside = _beside(path)
    found = _look(beside)
    if found is None or found.st_size > _MOST_RECORD_BYTES:
        return None
    try:
        return _Record.model_validate_json(beside.read_bytes())
    except (OSError, ValidationError):
        return None


def _note(path: Path, record: _Record) -> None:
    write_whole(_beside(path), record.model_dump_json(indent=1).encode())


def _look(path: Path) -> os.stat_result | None:
    """The facts of a file; None for links, which are not followed, for folders and whatever else is no file."""
    with suppress(OSError):
        found = path.lstat()
        return found if stat.S_ISREG(found.st_mode) else None
    return None


def _digest_of(path: Path, on_bytes: Callable[[int], None] = ignore_count) -> str | None:
    """None where there is no file that can be read."""
    with suppress(OSError):
        return sha256_of(path, on_bytes) if _look(path) else None
    return None


def _remove(path: Path) -> None:
    """Remove a derived file, and then its record: one that stays is found again by the next who removes it."""
    if _remove_entry(path):
        _remove_entry(_beside(path))


def _remove_entry(path: Path) -> bool:
    """Remove whatever has this name, of a link the link alone. Whether it is gone; the log names what stays."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            remove_file(path)
    except (OSError, RecursionError) as error:  # folders in folders without end
        log.warning("%r cannot be removed from %s: %s", path.name, FOLDER, error)
        return False
    return True
