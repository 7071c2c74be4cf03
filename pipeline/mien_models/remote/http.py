"""The only way to the network: https, hosts that the catalogue names, the system's own proxies and certificates."""

import base64
import http.client
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from mien_core.errors import DownloadFailed
from mien_core.files import naming_disk_errors
from mien_models.catalogue.entries import LOOPBACK
from mien_models.local.egress_log import EgressLog

_MOST_REDIRECTS = 5
_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the network.

    Attributes:
        url: https, or http on this machine.
        hosts: where a redirect may lead; one that begins with a dot means all below it.
        authorization: the header's value; sent to the host of `url` and to no other.
        page: what a person visits to be let in, where the source asks who they are.
    """

    url: str
    hosts: tuple[str, ...] = ()
    authorization: str | None = None
    page: str | None = None

    def allows(self, host: str) -> bool:
        own = urlsplit(self.url).hostname or ""
        if host == own or (own in LOOPBACK and host in LOOPBACK):
            return True
        return any(host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in self.hosts)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose body is still to be read, and the connection it comes over."""

    url: str
    response: http.client.HTTPResponse
    connection: http.client.HTTPConnection

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Message:
        return self.response.headers

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def abort(self) -> None:
        """Wake the thread that is reading the body; it sees the connection end."""
        if (sock := self.connection.sock) is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


class Connector:
    """Opens connections, each noted in the egress log."""

    def __init__(self, log: EgressLog, model: str, timeout_s: float, context: ssl.SSLContext | None = None) -> None:
        """`timeout_s` is the longest silence; `context` replaces the system's certificates."""
        self._log = log
        self._model = model
        self._timeout_s = timeout_s
        self._context = context

    def ask(
        self,
        remote: RemoteFile,
        headers: Mapping[str, str],
        method: str = "GET",
        *,
        stay: bool = False,
        at: str | None = None,
    ) -> Reply:
        """The answer after redirects.

        Args:
            stay: follow redirects within the first host only; one that leads elsewhere is the answer.
            at: go there at once: where an earlier answer for this remote came from.

        Raises:
            DownloadFailed: `reason` is "redirect" where one leads to plain http or a host that is not in the catalogue.
            DiskFull, StoreNotWritable: the egress log cannot be written, so nothing is asked.
            OSError, http.client.HTTPException: what a network does.
        """
        url = at or remote.url
        for _ in range(_MOST_REDIRECTS):
            reply = self._once(remote, url, headers, method)
            target = reply.headers.get("Location")
            if reply.status not in _REDIRECTS or not target:
                return reply
            onward = urljoin(url, target)
            if stay and origin_of(onward) != origin_of(remote.url):
                return reply
            reply.close()
            _check_redirect(remote, onward)
            url = onward
        raise DownloadFailed(f"{_host(remote.url)} redirects in circles", reason="redirect", host=_host(remote.url))

    def _once(self, remote: RemoteFile, url: str, headers: Mapping[str, str], method: str) -> Reply:
        parts = urlsplit(url)
        connection = self._connect(parts)
        sent = {"User-Agent": "mien", "Accept-Encoding": "identity", **headers}
        if remote.authorization and origin_of(url) == origin_of(remote.url):
            sent["Authorization"] = remote.authorization
        try:
            connection.request(method, parts._replace(scheme="", netloc="", fragment="").geturl() or "/", headers=sent)
            return Reply(url, connection.getresponse(), connection)
        except BaseException:
            connection.close()
            raise

    def _connect(self, parts: SplitResult) -> http.client.HTTPConnection:
        host, port = parts.hostname or "", parts.port
        with naming_disk_errors(self._log.path.parent):  # or they would pass for the network's
            self._log.note(host, port, self._model)
        if parts.scheme == "http":  # on this machine; the catalogue and `_check_redirect` let nothing else pass
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
        if proxy is None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._trusted())
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = http.client.HTTPSConnection(
            through.hostname or "", through.port or 8080, timeout=self._timeout_s, context=self._trusted()
        )
        connection.set_tunnel(host, port or 443, headers=_proxy_credentials(through))
        return connection

    def _trusted(self) -> ssl.SSLContext:
        """Certificates as the system has them; read when the first connection needs them."""
        if self._context is None:
            import truststore

            self._context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self._context


def _proxy_credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what two addresses share when they are of one server."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _check_redirect(remote: RemoteFile, onward: str) -> None:
    parts, host = urlsplit(onward), _host(onward)
    plain_at_home = parts.scheme == "http" and host in LOOPBACK and _host(remote.url) in LOOPBACK
    if parts.scheme != "https" and not plain_at_home:
        raise DownloadFailed(
            f"{_host(remote.url)} redirects to an address that is not https", reason="redirect", host=host
        )
    if not remote.allows(host):
        raise DownloadFailed(
            f"{_host(remote.url)} redirects to {host}, which the catalogue does not name", reason="redirect", host=host
        )
