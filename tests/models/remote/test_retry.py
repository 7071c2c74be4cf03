"""What the network does has a name; what may pass is tried again, longer each time, and not for ever."""

import http.client
import random
import ssl
import time
from email.message import Message
from http import HTTPStatus
from typing import cast

import pytest

from mien_core.errors import DownloadFailed, GatedModel
from mien_models.remote.http import RemoteFile, Reply
from mien_models.remote.network import RetryPolicy
from mien_models.remote.retry import (
    Pauses,
    TransientFailure,
    download_failed,
    name_network_error,
    raise_for_status,
    retry,
)

REMOTE = RemoteFile("https://a.example/deep/some%20file.bin", page="https://a.example/page")
FAILURE = TransientFailure(download_failed(REMOTE, "is ill", "server"))


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: made.now)

    def longest(low: float, high: float) -> float:
        return high

    monkeypatch.setattr(random, "uniform", longest)
    return made


class Answer:
    """What an answer says without a server: its status, its headers, and where it came from."""

    def __init__(self, status: int, url: str = REMOTE.url, **headers: str) -> None:
        self.status, self.url, self.headers = status, url, Message()
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value


def refusal(status: int, remote: RemoteFile = REMOTE, url: str = REMOTE.url, **headers: str) -> Exception:
    with pytest.raises((DownloadFailed, GatedModel, TransientFailure)) as refused:
        raise_for_status(remote, cast("Reply", Answer(status, url, **headers)))
    return refused.value


def test_pauses_double_up_to_the_longest(clock: Time) -> None:
    pauses, waited = Pauses(RetryPolicy(attempts=6, first_s=1, longest_s=5)), list[float]()
    for _ in range(5):
        before = clock.now
        pauses.wait(FAILURE, lambda: None)
        waited.append(round(clock.now - before, 6))
    assert waited == [1, 2, 4, 5, 5]
    with pytest.raises(DownloadFailed, match="is ill"):
        pauses.wait(FAILURE, lambda: None)


def test_a_byte_between_two_failures_begins_again(clock: Time) -> None:
    pauses = Pauses(RetryPolicy(attempts=2, first_s=1))
    for _ in range(5):
        pauses.wait(FAILURE, lambda: None)
        pauses.begin_again()
    assert clock.now == pytest.approx(5)


def test_a_wait_that_is_asked_for_is_kept_unless_it_is_too_long(clock: Time) -> None:
    policy = RetryPolicy(attempts=9, first_s=1, longest_wait_s=60)
    Pauses(policy).wait(TransientFailure(FAILURE.why, 60), lambda: None)
    assert clock.now == pytest.approx(60)
    with pytest.raises(DownloadFailed):
        Pauses(policy).wait(TransientFailure(FAILURE.why, 61), lambda: None)


@pytest.mark.usefixtures("clock")
def test_the_listener_hears_ticks_while_it_waits_and_may_end_it() -> None:
    ticks: list[int] = []
    Pauses(RetryPolicy(first_s=1)).wait(FAILURE, lambda: ticks.append(1))
    assert len(ticks) in {10, 11}

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pauses(RetryPolicy(first_s=1)).wait(FAILURE, stop)


@pytest.mark.usefixtures("clock")
def test_what_may_pass_is_tried_until_it_has_passed() -> None:
    left = [FAILURE, FAILURE]

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    assert retry(RetryPolicy(), attempt, lambda: None) == "done"

    def refuse() -> str:
        left.append(FAILURE)
        raise FAILURE.why

    with pytest.raises(DownloadFailed):
        retry(RetryPolicy(), refuse, lambda: None)
    assert len(left) == 1, "what does not pass is tried once"


@pytest.mark.parametrize(
    ("error", "passes", "reason"),
    [
        (ssl.SSLCertVerificationError(), False, "tls"),
        (ssl.SSLError(1, "broken"), True, "tls"),
        (TimeoutError(), True, "stalled"),
        (OSError("Tunnel connection failed: 407"), False, "proxy"),
        (ConnectionResetError(), True, "broken"),
        (http.client.IncompleteRead(b""), True, "broken"),
        (OSError(113, "No route to host"), True, "no-network"),
    ],
)
def test_what_the_network_does_has_a_name(error: Exception, passes: bool, reason: str) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "expired"
    if isinstance(error, ssl.SSLError):
        error.reason = "CERTIFICATE"
    named = name_network_error(error, REMOTE)
    assert isinstance(named, TransientFailure) is passes
    why = named.why if isinstance(named, TransientFailure) else named
    assert isinstance(why, DownloadFailed)
    assert why.fields == {"reason": reason, "host": "a.example", "file": "some file.bin"}


@pytest.mark.parametrize("status", [429, 408, 425])
def test_a_busy_server_says_how_long_to_wait(status: int) -> None:
    refused = refusal(status, Retry_After="7")
    assert isinstance(refused, TransientFailure)
    assert refused.after_s == 7
    assert refused.why.fields["reason"] == "busy"


def test_a_date_is_read_against_the_answers_own_clock() -> None:
    refused = refusal(429, Retry_After="Mon, 05 Jan 2026 00:01:00 GMT", Date="Mon, 05 Jan 2026 00:00:00 GMT")
    assert isinstance(refused, TransientFailure)
    assert refused.after_s == 60
    past = refusal(503, Retry_After="Mon, 05 Jan 2026 00:00:00 GMT", Date="Mon, 05 Jan 2026 00:01:00 GMT")
    assert isinstance(past, TransientFailure)
    assert past.after_s == 0
    nonsense = refusal(503, Retry_After="soon")
    assert isinstance(nonsense, TransientFailure)
    assert nonsense.after_s is None


def test_an_ill_server_may_get_well() -> None:
    refused = refusal(HTTPStatus.INTERNAL_SERVER_ERROR)
    assert isinstance(refused, TransientFailure)
    assert refused.why.fields["reason"] == "server"


def test_an_address_that_has_expired_is_asked_for_again() -> None:
    assert isinstance(refusal(403, url="https://cdn.example/signed"), TransientFailure)


@pytest.mark.parametrize("status", [401, 403])
def test_a_source_that_asks_who_one_is_names_its_page(status: int) -> None:
    refused = refusal(status)
    assert isinstance(refused, GatedModel)
    assert refused.fields == {"page": REMOTE.page, "http_status": status}
    plain = refusal(status, RemoteFile(REMOTE.url))
    assert isinstance(plain, DownloadFailed)
    assert plain.fields["reason"] == "refused"


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_not_there_is_not_asked_for_again(status: int) -> None:
    refused = refusal(status)
    assert isinstance(refused, DownloadFailed)
    assert refused.fields["reason"] == "not-found"
