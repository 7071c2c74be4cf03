"""What settings of pip and uv say about package indexes: places, credentials, hosts to trust."""

import base64
import netrc
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname

from mien_models.catalogue.entries import LOOPBACK
from mien_models.remote.http import Access, origin_of


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or file of this machine, or an address.

    Attributes:
        path: on this machine; None for an address.
        url: without credentials; empty for a path.
        authorization: the header's value for the host of `url`.
    """

    path: Path | None = None
    url: str = ""
    authorization: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What an error or a log may say: no path of an address, no credentials."""
        return str(self.path) if self.path else urlsplit(self.url).hostname or ""

    def authorization_for(self, url: str) -> str | None:
        """What the server of an address is told: the credentials of this place are for its own server alone."""
        return self.authorization if self.url and origin_of(url) == origin_of(self.url) else None


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where wheels are looked for.

    Attributes:
        find_links: folders of archives and pages that link to them.
        indexes: roots of the simple repository API; the default index, where one is named, is the first.
        has_default: `indexes` begins with an index that takes PyPI's place.
        no_index: no index is asked, not even PyPI.
        trusted_hosts: "host" or "host:port" that may speak plain http, and whose certificate is not checked.
        ca_file, client_certificate, proxy: as the person has named them.
    """

    find_links: tuple[Place, ...] = ()
    indexes: tuple[Place, ...] = ()
    has_default: bool = False
    no_index: bool = False
    trusted_hosts: frozenset[str] = frozenset()
    ca_file: str | None = None
    client_certificate: str | None = None
    proxy: str | None = field(default=None, repr=False)

    @property
    def access(self) -> Access:
        """How connections are made."""
        return Access(self.ca_file, self.client_certificate, self.proxy, self.trusted_hosts)

    def allows(self, url: str, page: Place) -> bool:
        """Whether a link of `page` may be followed: https; what is on this machine from pages of it; trusted hosts."""
        parts = urlsplit(url)
        if parts.scheme == "https":
            return True
        if parts.scheme == "file":
            return page.path is not None
        if parts.scheme != "http":
            return False
        own = urlsplit(page.url)
        at_home = page.path is not None or (own.scheme == "http" and own.hostname in LOOPBACK)
        return (parts.hostname in LOOPBACK and at_home) or is_trusted(parts, self.trusted_hosts)


def is_trusted(parts: SplitResult, trusted_hosts: Iterable[str]) -> bool:
    """Whether the host of an address, or the host with its port, is among these."""
    return bool({parts.hostname, f"{parts.hostname}:{parts.port}"} & set(trusted_hosts))


def place_of(
    text: str, folder: Path, credentials: tuple[str, str] | None = None, *, machines: Path | None = None
) -> Place:
    """A place as a settings file writes it: an address, a `file:` address, or a path below `folder`.

    Credentials are those given, or those in the address, or those that `.netrc` (`machines`) has for its host.
    """
    parts = urlsplit(text)
    if parts.scheme == "file":
        return Place(path=Path(url2pathname(parts.path)))
    if parts.scheme not in {"http", "https"}:
        return Place(path=folder / Path(text).expanduser())
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Place(url=bare, authorization=_authorization(parts, credentials, machines))


def _authorization(parts: SplitResult, given: tuple[str, str] | None, machines: Path | None) -> str | None:
    if given is None and parts.username is not None:
        given = unquote(parts.username), unquote(parts.password or "")
    if given is None:
        with suppress(OSError, netrc.NetrcParseError, RuntimeError):  # no such file, or no home
            found = netrc.netrc(machines or Path.home() / ".netrc").authenticators(parts.hostname or "")
            given = (found[0], found[2] or "") if found else None
    return None if given is None else "Basic " + base64.b64encode(":".join(given).encode()).decode()


def config_folders(app: str, environ: Mapping[str, str], platform: str) -> tuple[list[Path], list[Path]]:
    """Folders of an application's settings: the system's and the person's, weaker ones first."""
    if platform == "win32":
        program_data = Path(environ.get("PROGRAMDATA", r"C:\ProgramData"))
        return [program_data / app], [Path(environ["APPDATA"]) / app] if "APPDATA" in environ else []
    home = Path(environ.get("HOME") or Path.home())
    shared = [Path(one) / app for one in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]
    return shared, [Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / app]
