"""Where weight files live: fetched once, checked, adopted whole, and found by name ever after without a network.

`ModelStore` is what the rest of Mien knows; `local.folder` says which file is where.
"""

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mien_core.errors import Cancelled, MienError, ModelNotInstalled
from mien_core.files import naming_disk_errors
from mien_core.locks import StopSignal
from mien_models.catalogue.entries import Catalogue
from mien_models.local import listing
from mien_models.local.disk import check_disk
from mien_models.local.egress_log import Connection
from mien_models.local.folder import ModelsFolder
from mien_models.local.licences import Acceptance, LicenceText
from mien_models.local.listing import ModelState, VerifiedFile
from mien_models.local.remove import remove_model
from mien_models.local.verify import Verified, verify
from mien_models.progress import OnPull, PullProgress, Reporter, ignore_pull
from mien_models.remote.network import Network

if TYPE_CHECKING:
    from mien_models.install import Pull


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
        carried: Path | None = None,
    ) -> None:
        """Nothing is made or fetched yet.

        Args:
            root: the models folder.
            catalogue: the models that there are.
            offline: never fetch.
            network: how the network is used.
            caches: folders of huggingface_hub to look into before anything is fetched.
            carried: an exported folder that came with the program, looked into first.
        """
        self.folder = ModelsFolder(root, catalogue)
        self.catalogue = catalogue
        self.offline = offline
        self._network = network
        self._caches = tuple(caches)
        self._carried = carried

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

    def read(self, model: str, file: str | None = None) -> bytes:
        """The bytes of a file of an installed model, hashed after they were read; without `file`, of its only one.

        For files of tens of megabytes at most, whose network is then loaded from these very bytes.

        Raises:
            UnknownModel, LicenceNotAccepted: as `path` says.
            ModelNotInstalled: it is not there, or was changed; then it goes to quarantine.
        """
        wanted = self.catalogue.file(model, file) if file else self.catalogue.model(model).files[0]
        data = self.path(model, wanted.installed_as).read_bytes()
        record = self.folder.record_of(model, wanted)
        if record is None or hashlib.sha256(data).hexdigest() != record.sha256:
            if record is not None:
                with suppress(PermissionError):  # the worker's cage moves nothing; the next look from outside does
                    self.folder.verify_file(model, wanted, record)
            raise ModelNotInstalled(
                f"{model} was changed on the disk",
                model=model,
                files=[wanted.installed_as],
                command=f"mien models pull {model}",
            )
        return data

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Of these models and bundles, the models that are not installed whole."""
        return tuple(name for name in self.catalogue.resolve(names) if not self.is_installed(name))

    def is_installed(self, model: str) -> bool:
        return all(self.folder.is_ready(model, file) for file in self.catalogue.model(model).files)

    def unverified(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """Of these models and bundles, or of all, those installed with files for which no source has vouched."""
        every = self.catalogue.models if names is None else names
        return tuple(
            name for name in self.catalogue.resolve(every) if not self._is_vouched(name) and self.is_installed(name)
        )

    def _is_vouched(self, model: str) -> bool:
        return all(self.folder.is_vouched(model, file) for file in self.catalogue.model(model).files)

    def _is_settled(self, model: str) -> bool:
        """Whether a pull has nothing to do: the model is installed, and its sources have vouched or cannot be asked."""
        return self.is_installed(model) and (self.offline or self._is_vouched(model))

    def sha256(self, model: str, file: str | None = None) -> str:
        """The digest of an installed file; without `file`, of the model's first."""
        entry = self.catalogue.model(model)
        wanted = self.catalogue.file(model, file) if file else entry.files[0]
        self.path(model, wanted.installed_as)
        record = self.folder.record_of(model, wanted)
        return record.sha256 if record else ""

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

        Of a file that came from elsewhere, its source is asked whether these are the bytes. Where it says no, the file
        goes to quarantine and is fetched.

        Args:
            together: names that will be pulled next: what comes in one file with these is kept for them.
            bytes_per_s: all connections together take no more.

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
                if not self._is_settled(model)
            ]
            if not self.offline:
                _check_room(self.root, pulls)
            for pull in pulls:
                with _add_model(pull.model), self.folder.lock(pull.model, pull.wait):
                    if not self._is_settled(pull.model):
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

    def _pull(self, model: str, on_progress: OnPull, bytes_per_s: float | None = None) -> "Pull":
        network = None if self.offline else self._network
        if network and bytes_per_s:
            network = replace(network, bytes_per_s=bytes_per_s)
        return self._pull_with(network, model, on_progress)

    def _pull_with(self, network: Network | None, model: str, on_progress: OnPull) -> "Pull":
        # Not at the top: with them come HTTP and TLS, which a swap has no use for.
        from mien_models.fetch import Places
        from mien_models.install import Pull

        places = Places(self._caches, self._carried)
        return Pull(self.folder, network, model, places, Reporter(model, 0, on_progress))

    def install_carried(self) -> list[str]:
        """Install the models that came with the program and were never offered here; their names.

        What a person has removed stays removed. No network is used.

        Raises:
            StoreNotWritable, DiskFull: the models folder cannot take them.
        """
        if self._carried is None:
            return []
        from mien_models.exchange.carried import list_new, note_offered

        new = list_new(self.folder, self._carried)
        with naming_disk_errors(self.root):
            for model in new:
                pull = self._pull_with(None, model, ignore_pull)
                with _add_model(model), self.folder.lock(model, pull.wait):
                    if not self.is_installed(model):
                        pull.run([])
            if new:
                note_offered(self.folder, self._carried)
        return new

    def import_from(self, path: Path, on_progress: OnPull = ignore_pull) -> list[str]:
        """Install from a folder, a stick or a file; see `import_export.import_models`."""
        from mien_models.exchange import import_export

        return import_export.import_models(self.folder, path, on_progress)

    def export_to(
        self, names: Iterable[str], folder: Path, on_progress: OnPull = ignore_pull, *, replace: bool = False
    ) -> list[str]:
        """Copy installed models to a folder that `import_from` takes; everything that lies there now."""
        from mien_models.exchange import import_export

        models = self.catalogue.resolve(names)
        manifest = import_export.export_models(self.folder, models, folder, on_progress, replace=replace)
        return sorted(manifest.models)

    def adopt(self, folder: Path, on_progress: OnPull = ignore_pull) -> list[str]:
        """Link what another program has fetched already; see `import_export.adopt_models`."""
        from mien_models.exchange import import_export

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
        """End a model's pull and uninstall it, with all that is left of it; files that another model shares stay.

        What is left: parts of downloads, copies that a killed process was making, and files in quarantine.
        """
        self.catalogue.model(model)
        self.pause(model)
        with naming_disk_errors(self.root), self.folder.lock(model):
            remove_model(self.folder, model)

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


def _check_room(root: Path, pulls: Sequence["Pull"]) -> None:
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
