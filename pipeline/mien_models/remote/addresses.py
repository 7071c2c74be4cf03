"""Where on the network a file of the catalogue is, mirrors taken into account, and what its source says of it."""

import re
from dataclasses import dataclass
from email.message import Message
from urllib.parse import quote, urlsplit

from mien_core.errors import DownloadFailed
from mien_models.catalogue.entries import LOOPBACK, Catalogue, HuggingFaceSource, ModelFile, UrlSource
from mien_models.remote.http import RemoteFile

_HEX = re.compile("[0-9a-f]+")
_HUB = "https://huggingface.co/"
# The hub keeps large files at hosts of its own that change from year to year, all below these.
_HUB_HOSTS = ("huggingface.co", ".huggingface.co", ".hf.co")


def hub_file(
    catalogue: Catalogue, source: HuggingFaceSource, file: ModelFile, revision: str, token: str | None
) -> RemoteFile:
    """A file of a repository. The token goes to the hub itself or to a mirror on this machine, to no other mirror."""
    mirrored = catalogue.mirror("hf:")
    base = _HUB if mirrored == "hf:" else mirrored
    known = base == _HUB or urlsplit(base).hostname in LOOPBACK
    return RemoteFile(
        f"{base}{source.repository}/resolve/{quote(revision, safe='')}/{quote(file.source_path)}",
        hosts=_HUB_HOSTS if base == _HUB else (),
        authorization=f"Bearer {token}" if token and known else None,
        page=_HUB + source.repository,
    )


def url_files(catalogue: Catalogue, source: UrlSource, file: ModelFile) -> tuple[RemoteFile, ...]:
    """A file of a folder, at each address that has it."""
    return tuple(
        RemoteFile(catalogue.mirror(base + quote(file.source_path)), hosts=source.redirect_hosts)
        for base in source.bases
    )


@dataclass(frozen=True, slots=True)
class HubMetadata:
    """What the hub says of a file: the commit it was looked up at, and its size and digest."""

    commit: str | None
    size: int | None
    sha256: str | None
    git_sha1: str | None


def hub_metadata(headers: Message, host: str) -> HubMetadata:
    """Read from the answer to a HEAD request.

    Large files come with the sha256 that git-lfs keeps; small ones with the sha1 under which git keeps them.

    Raises:
        DownloadFailed: there is no digest; `reason` is "no-digest".
    """
    tag = (headers.get("X-Linked-Etag") or headers.get("ETag") or "").removeprefix("W/").strip('"').lower()
    size = headers.get("X-Linked-Size") or headers.get("Content-Length") or ""
    if not _HEX.fullmatch(tag) or len(tag) not in {40, 64}:
        raise DownloadFailed(f"{host} does not say which digest the file has", reason="no-digest", host=host)
    commit = headers.get("X-Repo-Commit") or ""
    return HubMetadata(
        commit=commit if _HEX.fullmatch(commit) and len(commit) == 40 else None,
        size=int(size) if size.isdigit() else None,
        sha256=tag if len(tag) == 64 else None,
        git_sha1=tag if len(tag) == 40 else None,
    )
