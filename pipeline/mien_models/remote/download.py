"""One file from the network to the disk: in parts, resumable after anything, hashed while it is written.

What the listener raises ends the download; the bytes that are there stay for the next one.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

from mien_core.errors import ChecksumMismatch, DownloadFailed, GatedModel
from mien_models.local import journal as journals
from mien_models.local.journal import Journal, Offer
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.network import RetryPolicy
from mien_models.remote.retry import (
    Pauses,
    TransientFailure,
    ask,
    download_failed,
    host_of,
    raise_for_status,
)
from mien_models.remote.transfer import FileTransfer, SourceChangedError, Throttle, Way

_HASH_BYTES = 1 << 20
_MOST_FRESH_STARTS = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must arrive.

    Attributes:
        name: for messages.
        size: bytes, where they are known.
        sha256: of the whole.
        git_sha1: the digest of a file that git keeps, where `sha256` is not known. Without either, what arrives is
            taken as it is, and the caller checks it.
        digest_origin: where the digest is written, as the end of a sentence.
        most_bytes: more than this is another file.
    """

    name: str
    size: int | None
    sha256: str | None
    git_sha1: str | None = None
    digest_origin: str = "in the catalogue"
    most_bytes: int | None = None


class Download:
    """Fetches files through one connector; `threads` is how many parts are read at once."""

    def __init__(
        self,
        connector: Connector,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        throttle: Throttle | None = None,
        threads: int = 4,
    ) -> None:
        self._connector = connector
        self._policy = policy
        self._throttle = throttle or Throttle()
        self._threads = threads

    def fetch(
        self, remotes: tuple[RemoteFile, ...], wanted: Wanted, part: Path, on_total: Callable[[int], None]
    ) -> str:
        """Bring the file to `part`, whole and checked; its sha256.

        Args:
            remotes: where it may be had, tried in this order.
            part: kept with its journal when this fails, so that the next call continues from there.
            on_total: told how many bytes are there, several times a second; what it raises ends this.

        Raises:
            DownloadFailed, GatedModel: the last remote's reason.
            ChecksumMismatch: what is served is not what is wanted; nothing of it is kept.
        """
        part.parent.mkdir(parents=True, exist_ok=True)
        for remote in remotes[:-1]:
            with suppress(DownloadFailed, GatedModel, ChecksumMismatch):
                return self._fetch_from(remote, wanted, part, on_total)
        return self._fetch_from(remotes[-1], wanted, part, on_total)

    def _fetch_from(self, remote: RemoteFile, wanted: Wanted, part: Path, on_total: Callable[[int], None]) -> str:
        pauses = Pauses(self._policy)
        fresh_starts = 0
        while True:
            before = journals.bytes_done(journals.journal_path(part))
            try:
                offer, at, ranges = self._offer(remote, wanted)
                _check_size(wanted, offer, remote)
                digest, resumed = self._transfer(remote, offer, at, ranges, part, on_total)
            except SourceChangedError as change:
                journals.discard(part)
                fresh_starts += 1
                if fresh_starts > _MOST_FRESH_STARTS:
                    raise download_failed(remote, "serves another file each time", "changed") from change
                continue
            except TransientFailure as failure:
                if journals.bytes_done(journals.journal_path(part)) > before:
                    pauses.begin_again()
                pauses.wait(failure, lambda: on_total(journals.bytes_done(journals.journal_path(part))))
                continue
            if _fits(wanted, digest, part):
                return digest
            journals.discard(part)
            # Bytes of an earlier run may have been lost in a power cut, or be another file's: once more from nothing.
            if not resumed or fresh_starts:
                raise ChecksumMismatch(
                    f"{wanted.name} from {host_of(remote)} is another file than the one {wanted.digest_origin}",
                    file=wanted.name,
                    expected=wanted.sha256 or wanted.git_sha1,
                    found=digest,
                )
            fresh_starts += 1

    def _offer(self, remote: RemoteFile, wanted: Wanted) -> tuple[Offer, str, bool]:
        """What the source has, where it really lies, and whether it can be had in parts."""
        reply = ask(self._connector, remote, {"Range": "bytes=0-0"})
        try:
            total = reply.headers.get("Content-Range", "").rpartition("/")[2]
            ranges = reply.status == HTTPStatus.PARTIAL_CONTENT and total.isdigit()
            length = total if ranges else reply.headers.get("Content-Length", "")
            if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and total == "0":
                length = "0"
            elif not ranges and reply.status != HTTPStatus.OK:
                raise_for_status(remote, reply)
            size = int(length) if length.isdigit() else wanted.size
            if size is None:
                raise download_failed(remote, "does not say how large the file is", "server")
            etag, changed_at = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
            return Offer(remote.url, size, etag, changed_at), reply.url, ranges
        finally:
            reply.close()

    def _transfer(
        self, remote: RemoteFile, offer: Offer, at: str, ranges: bool, part: Path, on_total: Callable[[int], None]
    ) -> tuple[str, bool]:
        """Read what is missing; the sha256 of the whole, and whether part of it was here before."""
        path = journals.journal_path(part)
        if not ranges or not part.exists():
            journals.discard(part)
        journal = Journal.open(path, offer, journals.part_bytes(offer.size) if ranges else max(1, offer.size))
        way = Way(remote, at, ranges, self._policy.stall_s, self._throttle, self._threads)
        try:
            with part.open("ab") as file:
                file.truncate(offer.size)
            transfer = FileTransfer(partial(ask, self._connector, remote), way, journal, part)
            return transfer.run(on_total), journal.resumed
        finally:
            journal.close()


def _check_size(wanted: Wanted, offer: Offer, remote: RemoteFile) -> None:
    if wanted.size is not None and offer.size != wanted.size:
        raise ChecksumMismatch(
            f"{wanted.name} from {host_of(remote)} has {offer.size} bytes "
            f"and the one {wanted.digest_origin} {wanted.size}",
            file=wanted.name,
            expected_bytes=wanted.size,
            found_bytes=offer.size,
        )
    if wanted.most_bytes is not None and offer.size > wanted.most_bytes:
        raise ChecksumMismatch(
            f"{wanted.name} from {host_of(remote)} has {offer.size} bytes, far more than it can have",
            file=wanted.name,
            found_bytes=offer.size,
        )


def _fits(wanted: Wanted, sha256: str, part: Path) -> bool:
    if wanted.sha256:
        return sha256 == wanted.sha256
    return wanted.git_sha1 is None or git_sha1(part) == wanted.git_sha1


def git_sha1(path: Path) -> str:
    """The digest under which git keeps a file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
