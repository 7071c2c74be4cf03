"""From a file of the catalogue to addresses and a digest; asks the source for what is written down nowhere."""

from dataclasses import dataclass
from http import HTTPStatus

from mien_core.errors import ChecksumMismatch, DownloadFailed, KeyUnavailable
from mien_models.catalogue.entries import AnySource, Catalogue, HuggingFaceSource, ModelFile, UrlSource
from mien_models.local.digests import FileDigest, LockedDigests
from mien_models.progress import Reporter
from mien_models.remote.addresses import HubMetadata, hub_file, hub_metadata, url_files
from mien_models.remote.download import Wanted
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.network import Network
from mien_models.remote.retry import ask, host_of, raise_for_status, retry


@dataclass(frozen=True, slots=True)
class ResolvedFile:
    """A file to fetch over the network: where it is, what must arrive, and at which commit."""

    file: ModelFile
    remotes: tuple[RemoteFile, ...]
    wanted: Wanted
    revision: str | None

    @property
    def key(self) -> str:
        """What tells it from the same file with other bytes."""
        return self.wanted.sha256 or self.wanted.git_sha1 or ""

    @property
    def digest(self) -> FileDigest | None:
        """Its digest and size, where both are known."""
        sha256, size = self.wanted.sha256, self.wanted.size
        return FileDigest(sha256=sha256, size=size) if sha256 and size else None


class Resolver:
    """Finds out where the files of one model are. All files of one repository come from one commit."""

    def __init__(
        self,
        model: str,
        catalogue: Catalogue,
        digests: LockedDigests,
        connector: Connector,
        network: Network,
        report: Reporter,
    ) -> None:
        self._model = model
        self._catalogue = catalogue
        self._digests = digests
        self._connector = connector
        self._network = network
        self._report = report
        self._commits: dict[str, str] = {}  # by repository
        self.locked_token: KeyUnavailable | None = None  # why there is no token, if a locked secret store may have one

    def resolve_remote(self, file: ModelFile, source: AnySource) -> ResolvedFile:
        """Where the file is and what must arrive.

        Raises:
            DownloadFailed: `reason` is "no-digest" where neither the catalogue nor the source says what must arrive.
            ChecksumMismatch: the source offers another file than the one that is written down or locked.
        """
        digest = self._digests.of(self._model, file)
        if isinstance(source, UrlSource):
            return self._resolve_url(file, source, digest)
        if isinstance(source, HuggingFaceSource):
            return self._resolve_hub(file, source, digest)
        raise TypeError(f"{source.kind} is not on the network")

    def _resolve_url(self, file: ModelFile, source: UrlSource, digest: FileDigest | None) -> ResolvedFile:
        sha256, size = (digest.sha256, digest.size) if digest else (file.sha256, file.size)
        if sha256 is None:
            raise DownloadFailed(
                f"no source gives a digest for {file.path}", reason="no-digest", source=source.repository
            )
        return ResolvedFile(file, url_files(self._catalogue, source, file), Wanted(file.path, size, sha256), None)

    def _resolve_hub(self, file: ModelFile, source: HuggingFaceSource, digest: FileDigest | None) -> ResolvedFile:
        sha256, size = (digest.sha256, digest.size) if digest else (file.sha256, file.size)
        token = self._read_token()
        revision = self._digests.revision(self._model, source) or self._commits.get(source.repository)
        stated = HubMetadata(None, None, None, None)
        if revision is None or sha256 is None:
            stated = self._ask_hub(hub_file(self._catalogue, source, file, revision or "main", token), digest)
            _compare(file, digest, stated)
            revision = revision or stated.commit
            if revision is not None:
                self._commits[source.repository] = revision
        wanted = Wanted(
            file.path,
            size or stated.size,
            sha256 or stated.sha256,
            stated.git_sha1 if sha256 is None else None,
            digest_origin(file, digest),
        )
        if sha256 is None:
            told = wanted.sha256 or f"git {wanted.git_sha1}"
            self._report.note(f"{file.path}: {told}, as {source.repository} states it, is locked from now on")
        remote = hub_file(self._catalogue, source, file, revision or "main", token)
        return ResolvedFile(file, (remote,), wanted, revision)

    def _read_token(self) -> str | None:
        """The token, or None; most files need none, so a locked secret store ends nothing yet."""
        try:
            return self._network.token()
        except KeyUnavailable as locked:
            self.locked_token = locked
            return None

    def _ask_hub(self, remote: RemoteFile, digest: FileDigest | None) -> HubMetadata:
        """What the hub says of a file. A mirror that says nothing is enough where the digest is known."""

        def attempt() -> HubMetadata:
            reply = ask(self._connector, remote, {}, "HEAD", stay=True)
            try:
                if reply.status >= HTTPStatus.BAD_REQUEST:
                    raise_for_status(remote, reply)
                return hub_metadata(reply.headers, host_of(remote))
            finally:
                reply.close()

        try:
            return retry(self._network.policy, attempt, self._report.tick)
        except DownloadFailed as failure:
            if digest is None or failure.fields.get("reason") not in {"no-digest", "refused", "not-found"}:
                raise
            return HubMetadata(None, None, None, None)


def _compare(file: ModelFile, digest: FileDigest | None, stated: HubMetadata) -> None:
    """What the source states must be what is written down or locked."""
    sha256 = digest.sha256 if digest else file.sha256
    if sha256 and stated.sha256 and stated.sha256 != sha256:
        raise ChecksumMismatch(
            f"{file.path}: its source now offers another file than the one {digest_origin(file, digest)}",
            file=file.path,
            expected=sha256,
            found=stated.sha256,
        )


def digest_origin(file: ModelFile, digest: FileDigest | None) -> str:
    """Where it is written what the file must be, as the end of a sentence."""
    if file.sha256:
        return "in the catalogue"
    return "that models.lock holds since it was first fetched" if digest else "that its source announced"
