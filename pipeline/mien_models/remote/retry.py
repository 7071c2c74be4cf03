"""What may go wrong on a network, by name, and how long to put up with it."""

import http.client
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from mien_core.errors import DownloadFailed, GatedModel, MienError
from mien_models.remote.http import Place, Reply, origin_of

_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download puts up with a bad line.

    Attributes:
        attempts: failures in a row, without a byte between them, before it gives up.
        first_s, longest_s: the pauses between them, doubling from one to the other.
        stall_s: silence after which a connection is given up.
        longest_wait_s: a `Retry-After` beyond this is told to the person instead of waited for.
    """

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    stall_s: float = 30.0
    longest_wait_s: float = 120.0


class Retry(Exception):
    """A failure that may pass. `why` is what to say if it does not."""

    def __init__(self, why: DownloadFailed, after_s: float | None = None) -> None:
        super().__init__(str(why))
        self.why = why
        self.after_s = after_s


class Pauses:
    """Waits longer after each failure, and gives up after so many in a row."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0

    def begin_again(self) -> None:
        self._failures = 0

    def wait(self, retry: Retry, tick: Callable[[], None]) -> None:
        """Wait before the next attempt, calling `tick` all the while, or raise why there is none."""
        self._failures += 1
        after_s = retry.after_s or 0.0
        if self._failures >= self._patience.attempts or after_s > self._patience.longest_wait_s:
            raise retry.why
        backoff = min(self._patience.longest_s, self._patience.first_s * 2 ** (self._failures - 1))
        until = time.monotonic() + max(after_s, backoff * random.uniform(0.5, 1))
        while (left := until - time.monotonic()) > 0:
            tick()
            time.sleep(min(_TICK_S, left))


def host_of(place: Place) -> str:
    return urlsplit(place.url).hostname or ""


def file_of(place: Place) -> str:
    return unquote(urlsplit(place.url).path.rpartition("/")[2])


def failed(place: Place, what: str, reason: str, **fields: object) -> DownloadFailed:
    return DownloadFailed(f"{host_of(place)} {what}", reason=reason, host=host_of(place), file=file_of(place), **fields)


def named(error: Exception, place: Place) -> MienError | Retry:
    """What the network did, by name; what may pass is worth another attempt."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return failed(place, f"has no valid certificate: {error.verify_message}", "tls")
    if isinstance(error, ssl.SSLError):
        return Retry(failed(place, f"breaks TLS: {error.reason or error}", "tls"))
    if isinstance(error, TimeoutError):
        return Retry(failed(place, "has gone silent", "stalled"))
    if "Tunnel connection failed" in str(error):
        return failed(place, f"is not let through by the proxy: {error}", "proxy")
    if isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError | http.client.HTTPException):
        return Retry(failed(place, "broke off the connection", "broken"))
    said = error.strerror if isinstance(error, OSError) else None
    return Retry(failed(place, f"cannot be reached: {said or error}", "no-network"))


def refuse(place: Place, reply: Reply) -> NoReturn:
    """Raise what a status means. From another host than the place's own, it is an address that has expired."""
    status = reply.status
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}:
        after_s = _retry_after_s(reply)
        words = "asks to wait" if after_s is None else f"asks to wait {after_s:.0f} s"
        raise Retry(failed(place, words, "busy", http_status=status, retry_after_s=after_s), after_s)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Retry(failed(place, f"answers {status}", "server", http_status=status), _retry_after_s(reply))
    if origin_of(reply.url) != origin_of(place.url):
        raise Retry(failed(place, f"sends to an address that answers {status}", "refused", http_status=status))
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and place.page:
        words = f"{host_of(place)} gives {file_of(place)} only to those it has let in: {place.page}"
        raise GatedModel(words, page=place.page, http_status=status)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise failed(place, f"does not have {file_of(place)}", "not-found", http_status=status)
    raise failed(place, f"answers {status}", "refused", http_status=status)


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


def patiently(patience: Patience, attempt: Callable[[], T], tick: Callable[[], None]) -> T:
    """What `attempt` gives, tried again after whatever may pass; `tick` is called while waiting."""
    pauses = Pauses(patience)
    while True:
        try:
            return attempt()
        except Retry as retry:
            pauses.wait(retry, tick)
