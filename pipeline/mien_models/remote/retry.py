"""What may go wrong on a network, by name, and when to try again."""

import http.client
import random
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from mien_core.errors import DownloadFailed, GatedModel, MienError
from mien_models.remote.http import Connector, RemoteFile, Reply, origin_of
from mien_models.remote.network import RetryPolicy

_TICK_S = 0.1


class TransientFailure(Exception):
    """A failure that may pass. `why` is what to say if it does not."""

    def __init__(self, why: DownloadFailed, after_s: float | None = None) -> None:
        super().__init__(str(why))
        self.why = why
        self.after_s = after_s


class Pauses:
    """Waits longer after each failure, and gives up after so many in a row."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = 0

    def begin_again(self) -> None:
        self._failures = 0

    def wait(self, failure: TransientFailure, tick: Callable[[], None]) -> None:
        """Wait before the next attempt, calling `tick` all the while, or raise why there is none."""
        self._failures += 1
        after_s = failure.after_s or 0.0
        if self._failures >= self._policy.attempts or after_s > self._policy.longest_wait_s:
            raise failure.why
        backoff = min(self._policy.longest_s, self._policy.first_s * 2 ** (self._failures - 1))
        until = time.monotonic() + max(after_s, backoff * random.uniform(0.5, 1))
        while (left := until - time.monotonic()) > 0:
            tick()
            time.sleep(min(_TICK_S, left))


def host_of(remote: RemoteFile) -> str:
    return urlsplit(remote.url).hostname or ""


def file_of(remote: RemoteFile) -> str:
    return unquote(urlsplit(remote.url).path.rpartition("/")[2])


def download_failed(remote: RemoteFile, what: str, reason: str, **fields: object) -> DownloadFailed:
    return DownloadFailed(
        f"{host_of(remote)} {what}", reason=reason, host=host_of(remote), file=file_of(remote), **fields
    )


def name_network_error(error: Exception, remote: RemoteFile) -> MienError | TransientFailure:
    """What the network did, by name; what may pass is worth another attempt."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return download_failed(remote, f"has no valid certificate: {error.verify_message}", "tls")
    if isinstance(error, ssl.SSLError):
        return TransientFailure(download_failed(remote, f"breaks TLS: {error.reason or error}", "tls"))
    if isinstance(error, TimeoutError):
        return TransientFailure(download_failed(remote, "has gone silent", "stalled"))
    if "Tunnel connection failed" in str(error):
        return download_failed(remote, f"is not let through by the proxy: {error}", "proxy")
    if isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError | http.client.HTTPException):
        return TransientFailure(download_failed(remote, "broke off the connection", "broken"))
    said = error.strerror if isinstance(error, OSError) else None
    return TransientFailure(download_failed(remote, f"cannot be reached: {said or error}", "no-network"))


def ask(
    connector: Connector,
    remote: RemoteFile,
    headers: Mapping[str, str],
    method: str = "GET",
    *,
    stay: bool = False,
    at: str | None = None,
) -> Reply:
    """As `Connector.ask`, with what the network does raised by name."""
    try:
        return connector.ask(remote, headers, method, stay=stay, at=at)
    except (OSError, http.client.HTTPException) as error:
        raise name_network_error(error, remote) from error


def raise_for_status(remote: RemoteFile, reply: Reply) -> NoReturn:
    """Raise what a status means. From another host than the file's own, it is an address that has expired."""
    status = reply.status
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}:
        after_s = _retry_after_s(reply)
        words = "asks to wait" if after_s is None else f"asks to wait {after_s:.0f} s"
        raise TransientFailure(
            download_failed(remote, words, "busy", http_status=status, retry_after_s=after_s), after_s
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientFailure(
            download_failed(remote, f"answers {status}", "server", http_status=status), _retry_after_s(reply)
        )
    if origin_of(reply.url) != origin_of(remote.url):
        raise TransientFailure(
            download_failed(remote, f"sends to an address that answers {status}", "refused", http_status=status)
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and remote.page:
        words = f"{host_of(remote)} gives {file_of(remote)} only to those it has let in: {remote.page}"
        raise GatedModel(words, page=remote.page, http_status=status)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise download_failed(remote, f"does not have {file_of(remote)}", "not-found", http_status=status)
    raise download_failed(remote, f"answers {status}", "refused", http_status=status)


def _retry_after_s(reply: Reply) -> float | None:
    """Seconds, as the answer gives them; a date is read against the answer's own, not against our clock."""
    value = reply.headers.get("Retry-After")
    if value is None:
        return None
    try:
        if value.strip().isdigit():
            return float(value)
        until, now = parsedate_to_datetime(value), parsedate_to_datetime(reply.headers.get("Date", value))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


T = TypeVar("T")


def retry(policy: RetryPolicy, attempt: Callable[[], T], tick: Callable[[], None]) -> T:
    """What `attempt` gives, tried again after failures that may pass; `tick` is called while waiting."""
    pauses = Pauses(policy)
    while True:
        try:
            return attempt()
        except TransientFailure as failure:
            pauses.wait(failure, tick)
