"""The models folder: its parts, and how a checked file becomes one that engines find.

root/
  blobs/sha256/<digest>      every file once, read-only
  models/<model>/<path>      hard links to blobs: what engines open
  installed/<model>.json     written last: what is installed, and when each file was verified
  derived/                   what is computed from these, and can be computed again
  licences/                  texts, and which were accepted when
  offered.json               which models a package has brought and were installed once
  models.lock                digests that the catalogue does not know
  partial/                   downloads on their way
  quarantine/<model>/        files that failed their check
  locks/                     one process at a time for each model
  egress.log                 one line for each connection
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from mien_core.errors import ChecksumMismatch
from mien_core.files import remove_file, replace_file
from mien_core.locks import StopSignal, exclusively
from mien_models.catalogue.entries import Catalogue, ModelFile
from mien_models.local import journal as journals
from mien_models.local.blobs import Blobs, ignore_count, sha256_of
from mien_models.local.convert import convert
from mien_models.local.derived import DerivedFiles
from mien_models.local.digests import FileDigest, LockedDigests, name_voucher
from mien_models.local.disk import check_disk
from mien_models.local.egress_log import EgressLog
from mien_models.local.formats import check_format
from mien_models.local.licences import Licences
from mien_models.local.records import IMPORTED, USABLE, Installed, InstalledFile, Records, State
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
        self.derived = DerivedFiles(self.root)
        self.digests = LockedDigests(self.root, catalogue)
        self.licences = Licences(self.root, catalogue)
        self.egress_log = EgressLog(self.root / "egress.log")
        self._hashed: dict[Path, tuple[int, int, int, int]] = {}  # what this process has seen hashed and found right

    def view(self, model: str, path: str = "") -> Path:
        return self.root / "models" / model / path

    def part(self, model: str, path: str, key: str) -> Path:
        """Where a file of this digest is while it is on its way; `parts` finds it by model and path alone."""
        return self.root / "partial" / f"{model}.{_short(path)}.{key[:16]}.part"

    def parts(self, model: str, path: str | None = None) -> list[Path]:
        """What has come of a model's unfinished downloads, or of one file's, under any digest."""
        return list((self.root / "partial").glob(f"{model}.{_short(path) if path else '*'}.*.part"))

    def quarantine(self, model: str) -> Path:
        """Where the files of a model are that failed their check."""
        return self.root / "quarantine" / model

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
        """The file's record, if it is of the digest that is wanted today, or no source has said which that is."""
        installed = self.records.read(model)
        record = installed.files.get(file.installed_as) if installed else None
        return record if record and self.digests.installed(model, file) in {None, record.sha256} else None

    def is_vouched(self, model: str, file: ModelFile) -> bool:
        """Whether the catalogue or the source of a file has said which digest it has."""
        return self.digests.installed(model, file) is not None

    def is_ready(self, model: str, file: ModelFile) -> bool:
        """True when the file is there and as it was when last hashed, vouched for or not.

        Size, times and the file's number are compared; where one differs the file is hashed again, and quarantined if
        it changed.
        """
        record = self.record_of(model, file)
        if record is None or record.state != "ready":
            return False
        view = self.view(model, file.installed_as)
        try:
            found = view.stat()
        except OSError:
            return False
        if record.is_of(found) or self._hashed.get(view) == _facts_of(found):
            return True
        try:
            return self.verify_file(model, file, record) in USABLE
        except PermissionError:  # it changed, and the worker's cage or a folder that is only read leaves it where it is
            return False

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
        self._hashed[view] = _facts_of(found)
        with suppress(OSError):  # a folder that is only read: this process knows it, the next one hashes again
            self.records.note(model, file.installed_as, record.seen_as(found))
        return "ready" if self.is_vouched(model, file) else "unverified"

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
    ) -> bool:
        """Make a file whose digest has just been found right part of the store.

        Returns whether another file was set aside for it, for which no source had vouched.

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
        return self.vouch(model, file, digest, commit, converted)

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

    def vouch(
        self, model: str, file: ModelFile, digest: FileDigest, commit: str | None, converted: FileDigest | None = None
    ) -> bool:
        """Hold what a file's source says and the catalogue does not know; whether another file was set aside for it."""
        record = self.record_of(model, file)
        other = record is not None and record.sha256 != (converted or digest).sha256
        aside = other and self.set_aside(model, file)
        source = self.catalogue.model(model).source_of(file)
        self.digests.lock(
            model,
            name_voucher(self.catalogue, source),
            commits={} if source.revision or commit is None else {source.repository: commit},
            files={} if file.sha256 else {file.path: digest},
            converted={file.installed_as: converted} if converted else {},
        )
        return aside

    def set_aside(self, model: str, file: ModelFile) -> bool:
        """Quarantine an installed file for which no source has vouched; false where there is none."""
        record = self.record_of(model, file)
        if record is None or record.state != "ready" or self.is_vouched(model, file):
            return False
        self._quarantine(model, file, record)
        return True

    def install(self, model: str, claimed: Mapping[str, str] = {}) -> None:
        """Link every file of a model, all of whose blobs are there, and write its record.

        `claimed` has the digests of files for which no source has vouched, by installed path. Each file is
        hashed from the disk as it will be used, unless that has just been done: later checks are compared with it.
        """
        entry, files = self.catalogue.model(model), {}
        for file in entry.files:
            vouched = self.digests.installed(model, file)
            sha256 = vouched or claimed[file.installed_as]
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
                ctime_ns=found.st_ctime_ns,
                inode=found.st_ino,
                verified_at=_now(),
                repository=source.repository if vouched else IMPORTED,
                revision=(self.digests.revision(model, source) if vouched else None) or "",
            )
        self.records.write(model, Installed(version=entry.version, files=files))

    def _quarantine(self, model: str, file: ModelFile, record: InstalledFile) -> None:
        """Move a changed file to where no engine finds it; its bytes are kept for a person who asks what happened."""
        kept = self.quarantine(model) / f"{record.sha256}-{_now():%Y%m%dT%H%M%S%f}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        view = self.view(model, file.installed_as)
        try:
            shared = view.samefile(blob) if (blob := self.blobs.path(record.sha256)).exists() else False
            replace_file(view, kept)
        except FileNotFoundError:
            return  # another process found it changed first, and notes it
        if shared:
            self.blobs.discard(record.sha256)
        self.records.note(model, file.installed_as, record.model_copy(update={"state": "quarantined"}))


def _short(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:12]


def _facts_of(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _now() -> datetime:
    return datetime.now(UTC)
