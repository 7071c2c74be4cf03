"""The only way to the network: https, hosts that the catalogue names, the system's own proxies and certificates."""

import base64
import http.client
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
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
        any_host: redirects may lead to any host that speaks https, as those of package indexes do.
    """

    url: str
    hosts: tuple[str, ...] = ()
    authorization: str | None = field(default=None, repr=False)
    page: str | None = None
    any_host: bool = False

    def allows(self, host: str) -> bool:
        if self.any_host:
            return True
        own = urlsplit(self.url).hostname or ""
        if host == own or (own in LOOPBACK and host in LOOPBACK):
            return True
        return any(host == allowed or (allowed.startswith(".") and host.endswith(allowed)) for allowed in self.hosts)


@dataclass(frozen=True, slots=True)
class Access:
    """What a person has set up for their own servers, beside the system's settings.

    Attributes:
        ca_file: certificates of authorities to trust as well, PEM.
        client_certificate: a certificate and its key to show, PEM.
        proxy: for https, in place of the system's.
        unchecked: "host" or "host:port" whose certificate is not checked.
    """

    ca_file: str | None = None
    client_certificate: str | None = None
    proxy: str | None = field(default=None, repr=False)
    unchecked: frozenset[str] = frozenset()


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

    def __init__(
        self,
        log: EgressLog,
        model: str,
        timeout_s: float,
        context: ssl.SSLContext | None = None,
        access: Access = Access(),
    ) -> None:
        """`timeout_s` is the longest silence; `context` replaces the system's certificates."""
        self._log = log
        self._model = model
        self._timeout_s = timeout_s
        self._context = context
        self._access = access

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
        # On this machine, or a package index that the person trusts: the catalogue, `IndexSettings.allows` and
        # `_check_redirect` let nothing else pass.
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        proxy = self._access.proxy or urllib.request.getproxies().get("https")
        context = self._unchecked() if {host, f"{host}:{port}"} & self._access.unchecked else self._trusted()
        if proxy is None or urllib.request.proxy_bypass(host):
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = http.client.HTTPSConnection(
            through.hostname or "", through.port or 8080, timeout=self._timeout_s, context=context
        )
        connection.set_tunnel(host, port or 443, headers=_proxy_credentials(through))
        return connection

    def _trusted(self) -> ssl.SSLContext:
        """Certificates as the system has them; read when the first connection needs them."""
        if self._context is None:
            import truststore

            self._context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if self._access.ca_file:
                self._context.load_verify_locations(self._access.ca_file)
            self._show_ours(self._context)
        return self._context

    def _unchecked(self) -> ssl.SSLContext:
        """TLS with a host whose certificate the person has said not to check."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._show_ours(context)
        return context

    def _show_ours(self, context: ssl.SSLContext) -> None:
        if self._access.client_certificate:
            context.load_cert_chain(self._access.client_certificate)


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
    stays = origin_of(onward) == origin_of(remote.url) or (host in LOOPBACK and _host(remote.url) in LOOPBACK)
    as_plain_as_asked = parts.scheme == "http" and remote.url.startswith("http:") and stays
    if parts.scheme != "https" and not as_plain_as_asked:
        raise DownloadFailed(
            f"{_host(remote.url)} redirects to an address that is not https", reason="redirect", host=host
        )
    if not remote.allows(host):
        raise DownloadFailed(
            f"{_host(remote.url)} redirects to {host}, which the catalogue does not name", reason="redirect", host=host
        )
