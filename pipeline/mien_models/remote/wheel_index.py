"""Archives that a package index or a `find-links` place has of one package.

Source: the simple repository API, as PEP 503 (HTML), PEP 592 (yanked files) and PEP 691 (JSON) state it.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name
from pydantic import BaseModel, Field, ValidationError

from mien_core.errors import DownloadFailed
from mien_models.remote.http import Connector, RemoteFile, Reply
from mien_models.remote.index_settings import IndexSettings, Place
from mien_models.remote.network import RetryPolicy
from mien_models.remote.retry import ask, download_failed, name_network_error, raise_for_status, retry

_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = "application/vnd.pypi.simple.v1+html"
_ACCEPT = f"{_JSON}, {_HTML};q=0.2, text/html;q=0.01"
_JSON_TYPES = {_JSON, "application/json"}
_HTML_TYPES = {_HTML, "text/html", "application/xhtml+xml", ""}
# PyPI's largest pages have some 20 MB; a page beyond this is a mistake or an attack.
_MOST_PAGE_BYTES = 32 << 20
_READ_BYTES = 1 << 16
_API_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Archive:
    """One file that an index offers.

    Attributes:
        filename: as the index writes it; a wheel's name holds its version and tags.
        url: where it is: https, or what `IndexSettings.allows`.
        sha256: as the index states it.
        yanked: taken back by its makers; good enough where nothing else is of the pinned version.
    """

    filename: str
    url: str
    sha256: str | None = None
    yanked: bool = False

    @property
    def path(self) -> Path | None:
        """On this machine."""
        return path_of(self.url) if self.url.startswith("file:") else None


class WheelIndex:
    """Asks the places of the settings for the archives of a package, one place after the other."""

    def __init__(
        self, settings: IndexSettings, connector: Connector, policy: RetryPolicy, tick: Callable[[], None]
    ) -> None:
        """`tick` is called while pages are read; what it raises ends that."""
        self._settings = settings
        self._connector = connector
        self._policy = policy
        self._tick = tick

    @property
    def places(self) -> Iterator[tuple[Place, Callable[[str], list[Archive]]]]:
        """Each place with a function that lists what it has for a package, in the order in which they are asked.

        The function raises DownloadFailed: `reason` is "not-found" where the index does not know the package.
        """
        for place in self._settings.find_links:
            yield place, lambda _, place=place: self._linked(place)  # type: ignore[misc]
        for place in self._settings.indexes:
            yield place, lambda package, place=place: self._project(place, package)  # type: ignore[misc]

    def _linked(self, place: Place) -> list[Archive]:
        """All archives of a `find-links` place."""
        if place.path is None:
            return self._read_page(place, place.url)
        if place.path.is_dir():
            return [Archive(path.name, path.resolve().as_uri()) for path in sorted(place.path.iterdir())]
        return self._read_local_page(place, place.path)

    def _project(self, place: Place, package: str) -> list[Archive]:
        name = canonicalize_name(package)
        if place.path is None:
            return self._read_page(place, f"{place.url.rstrip('/')}/{name}/")
        return self._read_local_page(place, place.path / name / "index.html")

    def _read_local_page(self, place: Place, path: Path) -> list[Archive]:
        try:
            with path.open("rb") as file:
                raw = file.read(_MOST_PAGE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise DownloadFailed(f"{path} is not there", reason="not-found", file=str(path)) from error
        except OSError as error:
            said = error.strerror or str(error)
            raise DownloadFailed(f"{path} cannot be read: {said}", reason="refused", file=str(path)) from error
        if len(raw) > _MOST_PAGE_BYTES:
            raise DownloadFailed(f"{path} is too large for an index page", reason="server", file=str(path))
        return self._allowed(place, read_html(raw, path.resolve().as_uri()))

    def _read_page(self, place: Place, url: str) -> list[Archive]:
        remote = RemoteFile(url, authorization=place.authorization, any_host=True)
        if not self._settings.allows(url, place):
            raise download_failed(remote, "is not asked: it speaks plain http and is not a trusted host", "tls")

        def attempt() -> tuple[bytes, str, str]:
            reply = ask(self._connector, remote, {"Accept": _ACCEPT})
            try:
                if reply.status != HTTPStatus.OK:
                    raise_for_status(remote, reply)
                return self._read_body(remote, reply), reply.headers.get_content_type(), reply.url
            finally:
                reply.close()

        raw, kind, at = retry(self._policy, attempt, self._tick)
        if kind in _JSON_TYPES:
            return self._allowed(place, _read_json_of(remote, raw, at))
        if kind in _HTML_TYPES:
            return self._allowed(place, read_html(raw, at))
        raise download_failed(remote, f"answers with {kind} where an index page should be", "server")

    def _read_body(self, remote: RemoteFile, reply: Reply) -> bytes:
        """The whole page, unpacked where the server packed it unasked; never more than a page may have."""
        encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip"}:
            raise download_failed(remote, f"packs its pages as {encoding}, which was not asked for", "server")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding != "identity" else None
        page = bytearray()
        try:
            while chunk := reply.response.read1(_READ_BYTES):
                page += unpack.decompress(chunk, _MOST_PAGE_BYTES + 1 - len(page)) if unpack else chunk
                if len(page) > _MOST_PAGE_BYTES:
                    raise download_failed(remote, "sends more than an index page can have", "server")
                self._tick()
        except zlib.error as error:
            raise download_failed(remote, "sends a page that cannot be unpacked", "server") from error
        except OSError as error:
            raise name_network_error(error, remote) from error
        stated = reply.headers.get("Content-Length", "")
        if unpack is None and stated.isdigit() and len(page) != int(stated):
            raise name_network_error(ConnectionResetError(), remote)
        if unpack is not None and not unpack.eof:
            raise name_network_error(ConnectionResetError(), remote)
        return bytes(page)

    def _allowed(self, place: Place, archives: Iterable[Archive]) -> list[Archive]:
        return [one for one in archives if self._settings.allows(one.url, place)]


# ── the two forms of a page ──────────────────────────────────────────────────────────────────────────────────


class _Meta(BaseModel):
    api_version: str = Field(alias="api-version", default="1.0")


class _File(BaseModel):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    yanked: bool | str = False


class _Page(BaseModel):
    meta: _Meta = _Meta()
    files: list[_File]


def read_json(raw: bytes, url: str) -> list[Archive]:
    """Archives of a page after PEP 691 that was read from `url`. Raises ValueError for anything else."""
    page = _Page.model_validate_json(raw)
    _check_version(page.meta.api_version)
    return [
        Archive(
            Path(file.filename).name,
            urldefrag(urljoin(url, file.url)).url,
            file.hashes.get("sha256", "").lower() or None,
            file.yanked is not False,
        )
        for file in page.files
    ]


def _read_json_of(remote: RemoteFile, raw: bytes, url: str) -> list[Archive]:
    try:
        return read_json(raw, url)
    except (ValidationError, ValueError) as error:
        raise download_failed(remote, "sends a page that is not an index's", "server") from error


def read_html(raw: bytes, url: str) -> list[Archive]:
    """Archives of a page after PEP 503 that was read from `url`: an address, also one that begins with file://."""
    reader = _Anchors(url)
    reader.feed(raw.decode("utf-8", errors="replace"))
    reader.close()
    return reader.archives


class _Anchors(HTMLParser):
    """Collects what a page's anchors lead to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.archives: list[Archive] = []
        self._base = url

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base" and (href := given.get("href")):
            self._base = urljoin(self._base, href)
        elif tag == "a" and (href := given.get("href")):
            try:
                whole = urljoin(self._base, href.strip())
                self._add(whole, yanked="data-yanked" in given)
            except ValueError:  # no address at all
                return

    def _add(self, whole: str, *, yanked: bool) -> None:
        url, fragment = urldefrag(whole)
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        sha256 = fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else None
        if name:
            self.archives.append(Archive(name, url, sha256, yanked))


def _check_version(version: str) -> None:
    if version.partition(".")[0] != _API_VERSION:
        raise ValueError(f"an index page of version {version}")


def path_of(url: str) -> Path:
    """Where a `file://` address leads."""
    return Path(url2pathname(urlsplit(url).path))
