"""The models folder: its parts, and how a checked file becomes one that engines find.

root/
  blobs/sha256/<digest>      every file once, read-only
  models/<model>/<path>      hard links to blobs: what engines open
  installed/<model>.json     written last: what is installed, and when each file was verified
  licences/                  texts, and which were accepted when
  models.lock                digests that the catalogue does not know
  partial/                   downloads on their way
  quarantine/                files that failed their check
  locks/                     one process at a time for each model
  egress.log                 one line for each connection
"""

import hashlib
import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mien_core.errors import ChecksumMismatch
from mien_core.files import remove_file
from mien_core.locks import StopSignal, exclusively
from mien_models.catalogue.entries import Catalogue, ModelFile
from mien_models.local import journal as journals
from mien_models.local.blobs import Blobs, ignore_count, sha256_of
from mien_models.local.convert import convert
from mien_models.local.digests import FileDigest, LockedDigests
from mien_models.local.disk import check_disk
from mien_models.local.egress_log import EgressLog
from mien_models.local.formats import check_format
from mien_models.local.licences import Licences
from mien_models.local.records import Installed, InstalledFile, Records, State
from mien_models.local.workspace import open_workspace


def ignore_tick() -> None:
    """The listener that does nothing."""


class ModelsFolder:
    """Everything below one models folder."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self.root = root.absolute()
        self.catalogue = catalogue
        self.blobs = Blobs(self.root)
        self.records = Records(self.root)
        self.digests = LockedDigests(self.root, catalogue)
        self.licences = Licences(self.root, catalogue)
        self.egress_log = EgressLog(self.root / "egress.log")

    def view(self, model: str, path: str = "") -> Path:
        return self.root / "models" / model / path

    def part(self, model: str, path: str, key: str) -> Path:
        """Where a file of this digest is while it is on its way; `parts` finds it by model and path alone."""
        return self.root / "partial" / f"{model}.{_short(path)}.{key[:16]}.part"

    def parts(self, model: str, path: str | None = None) -> list[Path]:
        """What has come of a model's unfinished downloads, or of one file's, under any digest."""
        return list((self.root / "partial").glob(f"{model}.{_short(path) if path else '*'}.*.part"))

    @contextmanager
    def lock(self, model: str, while_waiting: Callable[[], None] = lambda: None) -> Generator[None]:
        """No other process changes this model meanwhile."""
        with exclusively(self.root / "locks" / model, while_waiting):
            yield

    def stop_signal(self, model: str) -> StopSignal:
        """What makes the process that pulls this model stop."""
        return StopSignal(self.root / "locks" / f".{model}.stop")

    def arrived(self, model: str) -> tuple[int, int]:
        """Bytes of a model's unfinished downloads that are here, and of those files altogether."""
        far = [journals.how_far(journals.journal_path(part)) for part in self.parts(model)]
        return sum(done for done, _ in far), sum(size for _, size in far)

    def workspace(self) -> AbstractContextManager[Path]:
        """A folder on the store's own disk, gone afterwards."""
        return open_workspace(self.root)

    def record_of(self, model: str, file: ModelFile) -> InstalledFile | None:
        """The file's record, if it is of the digest that is wanted today."""
        installed = self.records.read(model)
        record = installed.files.get(file.installed_as) if installed else None
        return record if record and record.sha256 == self.digests.installed(model, file) else None

    def is_ready(self, model: str, file: ModelFile) -> bool:
        """True when the file is there and as it was when last verified.

        Size and time are compared; where they differ the file is hashed again, and quarantined if it changed.
        """
        record = self.record_of(model, file)
        if record is None or record.state != "ready":
            return False
        view = self.view(model, file.installed_as)
        try:
            found = view.stat()
        except OSError:
            return False
        if (found.st_size, found.st_mtime_ns) == (record.size, record.mtime_ns):
            return True
        try:
            return self.verify_file(model, file, record) == "ready"
        except PermissionError:  # the worker's cage, or a store that may only be read: nothing is noted or moved
            return sha256_of(view) == record.sha256

    def verify_file(
        self, model: str, file: ModelFile, record: InstalledFile, on_bytes: Callable[[int], None] = ignore_count
    ) -> State:
        """Hash an installed file, and note the time or move it to quarantine."""
        view = self.view(model, file.installed_as)
        try:
            found, sha256 = view.stat(), sha256_of(view, on_bytes)
        except FileNotFoundError:
            now = self.record_of(model, file)
            return "quarantined" if now and now.state == "quarantined" else "missing"
        if sha256 != record.sha256:
            self._quarantine(model, file, record)
            return "quarantined"
        good = record.model_copy(update={"mtime_ns": found.st_mtime_ns, "verified_at": _now()})
        self.records.note(model, file.installed_as, good)
        return "ready"

    def take_in(
        self,
        model: str,
        file: ModelFile,
        path: Path,
        sha256: str,
        *,
        stays: bool = False,
        commit: str | None = None,
        tick: Callable[[], None] = ignore_tick,
    ) -> None:
        """Make a file whose digest has just been found right part of the store.

        Args:
            model, file: what it is.
            path: where it is; it is gone from there afterwards, unless it `stays`.
            sha256: its digest.
            stays: it is another program's: linked, or copied between two disks.
            commit: at which its repository was.
            tick: called now and then while a pickle is converted or a copy checked.

        Raises:
            BrokenWeights, EngineUnavailable: it is not of its format, or cannot be converted here.
            ChecksumMismatch: it changed while it was copied.
            DiskFull: there is no room for a copy.
        """
        check_format(path, file.format, file.path)
        digest = FileDigest(sha256=sha256, size=path.stat().st_size)
        converted = self._convert(file, path, tick) if file.converted else None
        if not stays and converted:
            path.unlink()
        elif not stays:
            self.blobs.adopt(path, sha256)
        elif not converted and sha256 not in self.blobs and not self.blobs.adopt_link(path, sha256):
            self._copy_in(file, path, digest, tick)
        self._lock_digests(model, file, digest, commit, converted)

    def _copy_in(self, file: ModelFile, path: Path, digest: FileDigest, tick: Callable[[], None]) -> None:
        check_disk(self.root, digest.size)
        with self.workspace() as folder:
            copy = Path(shutil.copyfile(path, folder / "copy"))
            if sha256_of(copy, lambda _: tick()) != digest.sha256:
                raise ChecksumMismatch(f"{path} changed while it was copied", file=file.path, expected=digest.sha256)
            self.blobs.adopt(copy, digest.sha256)

    def _convert(self, file: ModelFile, pickle: Path, tick: Callable[[], None]) -> FileDigest:
        """What a pickle was turned into, which is a blob now."""
        with self.workspace() as folder:
            target = folder / "converted.safetensors"
            convert(pickle, target, file.path, tick)
            check_format(target, "safetensors", file.installed_as)
            digest = FileDigest(sha256=sha256_of(target), size=target.stat().st_size)
            self.blobs.adopt(target, digest.sha256)
        return digest

    def _lock_digests(
        self, model: str, file: ModelFile, digest: FileDigest, commit: str | None, converted: FileDigest | None = None
    ) -> None:
        """Lock what the catalogue does not know of a file."""
        source = self.catalogue.model(model).source_of(file)
        self.digests.lock(
            model,
            revisions={} if source.revision or commit is None else {source.repository: commit},
            files={} if file.sha256 else {file.path: digest},
            converted={file.installed_as: converted} if converted else {},
        )

    def install(self, model: str) -> None:
        """Link every file of a model, all of whose blobs are there, and write its record.

        Each is hashed from the disk as it will be used, unless that has just been done: later checks are compared
        with it.
        """
        entry, files = self.catalogue.model(model), {}
        for file in entry.files:
            sha256 = self.digests.installed(model, file) or ""
            view = self.view(model, file.installed_as)
            self.blobs.view(sha256, view)
            if not self.blobs.is_as_checked(sha256, view) and sha256_of(view) != sha256:
                remove_file(view)
                self.blobs.discard(sha256)
                raise ChecksumMismatch(f"{file.path} changed on the disk", model=model, file=file.path, expected=sha256)
            source, found = entry.source_of(file), view.stat()
            files[file.installed_as] = InstalledFile(
                sha256=sha256,
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                verified_at=_now(),
                repository=source.repository,
                revision=self.digests.revision(model, source) or "",
            )
        self.records.write(model, Installed(version=entry.version, files=files))

    def _quarantine(self, model: str, file: ModelFile, record: InstalledFile) -> None:
        """Move a changed file to where no engine finds it; its bytes are kept for a person who asks what happened."""
        kept = self.root / "quarantine" / f"{record.sha256}-{_now():%Y%m%dT%H%M%S%f}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        view = self.view(model, file.installed_as)
        try:
            shared = view.samefile(blob) if (blob := self.blobs.path(record.sha256)).exists() else False
            view.replace(kept)
        except FileNotFoundError:
            return  # another process found it changed first, and notes it
        if shared:
            self.blobs.discard(record.sha256)
        self.records.note(model, file.installed_as, record.model_copy(update={"state": "quarantined"}))


def _short(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:12]


def _now() -> datetime:
    return datetime.now(UTC)
