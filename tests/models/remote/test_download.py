"""One file over a bad network: it arrives whole and checked, or fails by name and goes on later from where it was.

Against real servers on this machine that misbehave on purpose.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch, DownloadFailed, GatedModel
from mien_models.local import journal as journals
from mien_models.local.egress_log import EgressLog
from mien_models.remote.download import Download, Wanted
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.network import RetryPolicy
from mien_models.remote.transfer import Throttle
from mien_testing.network import (
    Authority,
    Misbehaviour,
    Shop,
    break_off,
    closed_port,
    fall_silent,
    redirect,
    serve,
    serving,
    status,
)

pytestmark = pytest.mark.slow

HASTE = RetryPolicy(attempts=3, first_s=0.01, longest_s=0.02, stall_s=60, longest_wait_s=2)
MIB = 1 << 20


def wanted(content: bytes) -> Wanted:
    return Wanted("weights", len(content), hashlib.sha256(content).hexdigest())


def fetch(
    remote: RemoteFile | str,
    want: Wanted,
    part: Path,
    policy: RetryPolicy = HASTE,
    on_total: Callable[[int], None] = lambda count: None,
    others: tuple[RemoteFile, ...] = (),
) -> str:
    connector = Connector(EgressLog(part.with_name("egress.log")), "a-model", policy.stall_s)
    first = RemoteFile(remote) if isinstance(remote, str) else remote
    return Download(connector, policy).fetch((first, *others), want, part, on_total)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "weights.part"


def left_of(part: Path) -> list[str]:
    return [path.name for path in part.parent.iterdir() if path.name.startswith(part.name)]


# ── the ordinary course ──────────────────────────────────────────────────────────────────────────────────────


def test_a_file_arrives_in_parts_and_is_what_it_should_be(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    totals: list[int] = []

    assert fetch(shop.url + "w", wanted(content), part, on_total=totals.append) == wanted(content).sha256
    assert part.read_bytes() == content
    assert len(shop.bodies()) == 3
    assert all(one.headers["If-Range"] == shop.etag for one in shop.bodies()), "bytes of one file are not mixed"
    assert all(one.headers["Accept-Encoding"] == "identity" for one in shop.asked)
    assert totals == sorted(totals)
    assert totals[-1] == len(content)


def test_an_empty_file_is_a_file(shop: Shop, part: Path) -> None:
    shop.files["/w"] = b""
    shop.ranges = False

    fetch(shop.url + "w", wanted(b""), part)
    assert part.read_bytes() == b""


def test_a_server_without_ranges_serves_whole_files(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.ranges = False
    shop.next = [serve, break_off(5 * MIB)]

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_server_without_entity_tags_is_resumed_all_the_same(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.etag = None
    shop.next = [serve, *[break_off(2 * MIB)] * 3]

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_every_connection_is_one_line_in_the_egress_log(shop: Shop, part: Path) -> None:
    shop.files["/w"] = b"weights"
    fetch(shop.url + "w", wanted(b"weights"), part)

    lines = list(EgressLog(part.with_name("egress.log")).read())
    assert len(lines) == len(shop.asked)
    assert {(line.host, line.model) for line in lines} == {(shop.url.removeprefix("http://").rstrip("/"), "a-model")}


def test_a_second_place_serves_what_the_first_one_lacks(
    shop: Shop, other_shop: Shop, content: bytes, part: Path
) -> None:
    other_shop.files["/w"] = content

    fetch(shop.url + "w", wanted(content), part, others=(RemoteFile(other_shop.url + "w"),))
    assert part.read_bytes() == content


# ── interrupted ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_breaks_off_costs_only_what_was_on_the_line(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.next = [serve, break_off(3 * MIB), break_off(3 * MIB), break_off(3 * MIB)]

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content
    begun: dict[str, list[int]] = {}
    for one in shop.bodies():
        start, end = one.headers["Range"].removeprefix("bytes=").split("-")
        begun.setdefault(end, []).append(int(start))
    assert len(begun) == 3
    # Whoever finds a connection broken has read all that it sent. Of the others, which end with it, the kernel may hold
    # megabytes that nobody read: how much is sent in vain is the machine's matter.
    steps = [after - before for starts in begun.values() for before, after in pairwise(starts)]
    assert min(steps) >= 0, "what has come is not asked for again"
    assert max(steps) >= 3 * MIB


def test_a_line_that_breaks_often_is_put_up_with_as_long_as_something_comes(shop: Shop, part: Path) -> None:
    content = os.urandom(7 * MIB)
    shop.files["/w"] = content
    shop.next = [serve, break_off(MIB)] * (HASTE.attempts + 2)

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_line_that_always_breaks_is_given_up_by_name(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.always = break_off(0)

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(content), part)
    assert refused.value.fields["reason"] == "broken"


KILLED = """
import sys
from pathlib import Path
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.download import Download, Wanted
from mien_models.local.egress_log import EgressLog

url, size, sha256, part = sys.argv[1:]
connector = Connector(EgressLog(Path(part + ".log")), "m", 30)
Download(connector).fetch((RemoteFile(url),), Wanted("w", int(size), sha256), Path(part), lambda count: None)
"""


def test_a_killed_process_is_resumed_by_the_next_one(shop: Shop, content: bytes, part: Path) -> None:
    """kill -9 in the middle; what the journal has is not asked for again."""
    shop.files["/w"] = content
    shop.next = [serve, fall_silent(5 * MIB), fall_silent(4 * MIB), fall_silent(2 * MIB)]
    want = wanted(content)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, shop.url + "w", str(want.size), str(want.sha256), str(part)]
    )
    journal = journals.journal_path(part)
    deadline = time.monotonic() + 120
    # 11 MiB are sent, and less than one of each part's may be unnoted.
    while (journals.bytes_done(journal) < 8 * MIB or shop.sent < 11 * MIB) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = journals.bytes_done(journal)
    assert kept >= 8 * MIB

    before = shop.sent
    fetch(shop.url + "w", want, part)
    assert part.read_bytes() == content
    assert shop.sent - before == len(content) - kept + 1


def test_half_a_line_in_the_journal_is_no_line(shop: Shop, content: bytes, part: Path) -> None:
    """What a power cut leaves of an append."""
    shop.files["/w"] = content
    shop.next = [serve, *[break_off(2 * MIB)] * 3]
    shop.always = status(404)
    with pytest.raises(DownloadFailed):
        fetch(shop.url + "w", wanted(content), part)
    with journals.journal_path(part).open("a") as journal:
        journal.write("2 41943")

    shop.always = serve
    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_damaged_journal_means_a_fresh_start(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    part.write_bytes(b"\0" * len(content))
    journals.journal_path(part).write_text("not a journal\n")

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_bytes_lost_under_a_good_journal_are_found_and_fetched_again(shop: Shop, content: bytes, part: Path) -> None:
    """After a power cut the journal may be ahead of the disk: the digest tells, and one fresh start mends it."""
    shop.files["/w"] = content
    shop.next = [serve, *[break_off(2 * MIB)] * 3]
    shop.always = status(404)
    with pytest.raises(DownloadFailed):
        fetch(shop.url + "w", wanted(content), part)
    with part.open("r+b") as file:
        file.write(b"\0" * 4096)

    shop.always = serve
    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_file_that_changed_between_two_runs_is_begun_anew(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.next = [serve, *[break_off(2 * MIB)] * 3]
    shop.always = status(404)
    with pytest.raises(DownloadFailed):
        fetch(shop.url + "w", wanted(content), part)

    changed, before = content[::-1], shop.sent
    shop.files["/w"], shop.etag, shop.always = changed, '"two"', serve
    fetch(shop.url + "w", wanted(changed), part)
    assert part.read_bytes() == changed
    assert shop.sent - before == len(changed) + 1, "nothing of the old one was built upon"


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changes_with_every_request_is_given_up(
    shop: Shop, content: bytes, part: Path, heeds_if_range: bool
) -> None:
    shop.files["/w"] = content

    def change(handler: Misbehaviour) -> None:
        shop.etag = f'"{len(shop.asked)}"'
        if not heeds_if_range:
            del handler.headers["If-Range"]
        serve(handler)

    shop.always = change
    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(content), part)
    assert refused.value.fields["reason"] == "changed"


def test_whoever_stops_listening_stops_a_silent_download_at_once(shop: Shop, content: bytes, part: Path) -> None:
    class Stopped(Exception):
        pass

    shop.files["/w"] = content
    shop.next = [serve, *[fall_silent(2 * MIB)] * 3]

    def listen(total: int) -> None:
        if shop.silent.is_set() and total >= 2 * MIB:
            raise Stopped

    policy = RetryPolicy(stall_s=600)
    with pytest.raises(Stopped):
        fetch(shop.url + "w", wanted(content), part, policy, listen)
    assert journals.bytes_done(journals.journal_path(part)) >= 2 * MIB


def test_silence_is_a_stall_and_the_next_attempt_goes_on(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.next = [serve, *[fall_silent(2 * MIB)] * 3]

    fetch(shop.url + "w", wanted(content), part, RetryPolicy(attempts=30, first_s=0.01, stall_s=0.3))
    assert part.read_bytes() == content


def test_a_server_that_stays_silent_is_given_up_as_stalled(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content
    shop.always = fall_silent(0)

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(content), part, RetryPolicy(attempts=2, first_s=0.01, stall_s=0.2))
    assert refused.value.fields["reason"] == "stalled"


def test_a_trickle_is_a_stall_too(shop: Shop, part: Path) -> None:
    """A byte now and then keeps a connection open for ever; it is no download."""
    content = bytes(5000)
    shop.files["/w"] = content
    gone = threading.Event()

    def trickle(handler: Misbehaviour) -> None:
        start, end = handler.wanted()
        handler.head(start, end)
        for at in range(start, end):
            handler.body(at, at + 1)
            handler.wfile.flush()
            if gone.wait(0.02):
                return

    shop.next = [serve, trickle, serve, trickle]
    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(content), part, RetryPolicy(attempts=1, first_s=0.01, stall_s=0.4))
    gone.set()
    assert refused.value.fields["reason"] == "stalled"


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_wrong_bytes_are_refused_and_nothing_of_them_is_kept(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content[:-1] + b"!"

    with pytest.raises(ChecksumMismatch) as refused:
        fetch(shop.url + "w", wanted(content), part)
    assert refused.value.fields["expected"] == wanted(content).sha256
    assert left_of(part) == []


def test_a_file_of_the_wrong_size_is_refused_before_it_is_read(shop: Shop, content: bytes, part: Path) -> None:
    shop.files["/w"] = content[:-1]

    with pytest.raises(ChecksumMismatch) as refused:
        fetch(shop.url + "w", wanted(content), part)
    assert refused.value.fields["found_bytes"] == len(content) - 1
    assert shop.bodies() == []


@pytest.mark.parametrize("code", [401, 403])
def test_a_gated_file_names_the_page_to_visit(shop: Shop, part: Path, code: int) -> None:
    shop.always = status(code)
    remote = RemoteFile(shop.url + "w", page="https://huggingface.co/somebody/something")

    with pytest.raises(GatedModel, match=r"huggingface\.co/somebody/something") as refused:
        fetch(remote, wanted(b"x"), part)
    assert refused.value.fields["page"] == "https://huggingface.co/somebody/something"
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    ("code", "reason"), [(404, "not-found"), (410, "not-found"), (418, "refused"), (403, "refused")]
)
def test_a_refusal_is_final(shop: Shop, part: Path, code: int, reason: str) -> None:
    shop.always = status(code)

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(b"x"), part)
    assert (refused.value.fields["reason"], refused.value.fields["http_status"]) == (reason, code)
    assert len(shop.asked) == 1


def test_a_busy_server_is_asked_again_after_the_time_it_names(shop: Shop, part: Path) -> None:
    shop.files["/w"] = b"weights"
    shop.next = [status(429, Retry_After="1"), status(503)]
    began = time.monotonic()

    fetch(shop.url + "w", wanted(b"weights"), part)
    assert time.monotonic() - began >= 1
    assert part.read_bytes() == b"weights"


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "7200"},
        # A date counts against the answer's own date: our clock may be wrong by years.
        {"Retry_After": "Fri, 01 Jan 2010 02:00:00 GMT", "Date": "Fri, 01 Jan 2010 00:00:00 GMT"},
    ],
)
def test_a_long_wait_is_told_instead_of_waited(shop: Shop, part: Path, headers: dict[str, str]) -> None:
    def busy(handler: Misbehaviour) -> None:
        handler.send_response_only(429)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    shop.always = busy
    with pytest.raises(DownloadFailed, match="7200 s") as refused:
        fetch(shop.url + "w", wanted(b"x"), part)
    assert (refused.value.fields["reason"], refused.value.fields["retry_after_s"]) == ("busy", 7200.0)
    assert len(shop.asked) == 1


def test_a_broken_server_is_tried_a_few_times(shop: Shop, part: Path) -> None:
    shop.always = status(502)

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(b"x"), part)
    assert (refused.value.fields["reason"], refused.value.fields["http_status"]) == ("server", 502)
    assert len(shop.asked) == HASTE.attempts


def test_nobody_there_is_no_network(part: Path) -> None:
    with closed_port() as port, pytest.raises(DownloadFailed) as refused:
        fetch(f"http://127.0.0.1:{port}/w", wanted(b"x"), part)
    assert refused.value.fields["reason"] == "no-network"


def test_a_name_that_does_not_resolve_is_no_network(part: Path) -> None:
    with pytest.raises(DownloadFailed) as refused:
        fetch("https://weights.invalid/w", wanted(b"x"), part)
    assert refused.value.fields["reason"] == "no-network"


def test_an_answer_that_is_no_http_is_named(part: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(HASTE.attempts):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"SSH-2.0-nonsense\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DownloadFailed) as refused:
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/w", wanted(b"x"), part)
        thread.join()
    assert refused.value.fields["reason"] == "broken"


# ── redirects and tokens ─────────────────────────────────────────────────────────────────────────────────────


def test_a_token_goes_to_its_own_host_and_not_to_where_that_one_redirects(
    shop: Shop, other_shop: Shop, part: Path
) -> None:
    other_shop.files["/cdn"] = b"weights"
    shop.always = redirect(other_shop.url + "cdn")

    fetch(RemoteFile(shop.url + "w", authorization="Bearer secret"), wanted(b"weights"), part)
    assert all(one.headers.get("Authorization") == "Bearer secret" for one in shop.asked)
    assert other_shop.asked
    assert not any("Authorization" in one.headers for one in other_shop.asked)


def test_an_address_that_expired_is_asked_for_again_at_its_source(
    shop: Shop, other_shop: Shop, content: bytes, part: Path
) -> None:
    other_shop.files["/signed"] = content
    shop.always = redirect(other_shop.url + "signed")
    other_shop.next = [serve, status(403), serve, status(403)]

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_redirect_to_a_host_nobody_named_is_refused(shop: Shop, part: Path) -> None:
    shop.always = redirect("https://evil.example/w")

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(b"x"), part)
    assert (refused.value.fields["reason"], refused.value.fields["host"]) == ("redirect", "evil.example")


def test_redirects_in_circles_end(shop: Shop, part: Path) -> None:
    shop.always = redirect("/w")

    with pytest.raises(DownloadFailed) as refused:
        fetch(shop.url + "w", wanted(b"x"), part)
    assert refused.value.fields["reason"] == "redirect"


# ── TLS and proxies ──────────────────────────────────────────────────────────────────────────────────────────


def test_certificates_the_system_trusts_are_trusted(
    authority: Authority, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Shop(files={"/w": b"weights"}), authority.context(), "localhost") as shop:
        fetch(shop.url + "w", wanted(b"weights"), part)
    assert part.read_bytes() == b"weights"


@pytest.mark.parametrize("fault", ["unknown", "expired", "other-name"])
def test_a_certificate_that_is_not_good_is_refused_at_once(
    authority: Authority, part: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("NO_PROXY", "*")
    context = authority.context("weights.test" if fault == "other-name" else "localhost", expired=fault == "expired")
    with serving(Shop(files={"/w": b"weights"}), context, "localhost") as shop:
        with pytest.raises(DownloadFailed) as refused:
            fetch(shop.url + "w", wanted(b"weights"), part)
        assert shop.asked == []
    assert refused.value.fields["reason"] == "tls"


def test_a_redirect_from_https_to_plain_http_is_refused(
    authority: Authority, shop: Shop, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("NO_PROXY", "*")
    secure = Shop(always=redirect("http://weights.example/w"))
    with serving(secure, authority.context(), "localhost"), pytest.raises(DownloadFailed) as refused:
        fetch(RemoteFile(secure.url + "w", hosts=("weights.example",)), wanted(b"x"), part)
    assert refused.value.fields["reason"] == "redirect"


def test_https_goes_through_the_proxy_that_the_system_names(
    authority: Authority, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy sees a host and a port, with its own credentials, and nothing of the rest."""
    heads: list[str] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with (
        serving(Shop(files={"/w": b"weights"}), authority.context(), "localhost") as shop,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass%20word@127.0.0.1:{listening.getsockname()[1]}")
        thread = threading.Thread(target=tunnel, args=(listening, heads, 2))
        thread.start()
        fetch(shop.url + "w", wanted(b"weights"), part)
        thread.join()
    assert part.read_bytes() == b"weights"
    assert all(head.startswith("CONNECT localhost:") for head in heads)
    assert all("Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk" in head for head in heads)


def tunnel(listening: socket.socket, heads: list[str], connections: int) -> None:
    """A proxy that knows CONNECT."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    for _ in range(connections):
        client, _ = listening.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        heads.append(head.decode())
        host, _, port = head.split(b" ")[1].decode().partition(":")
        with client, socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, client))
            back.start()
            pump(client, server)
            back.join()


# ── the clock and the line ───────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_jumps_changes_nothing(
    shop: Shop, content: bytes, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    shop.files["/w"] = content
    shop.next = [serve, *[break_off(2 * MIB)] * 3]

    fetch(shop.url + "w", wanted(content), part)
    assert part.read_bytes() == content


def test_a_rate_limit_is_shared_by_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    throttle = Throttle(1_000_000)
    pauses = [throttle.pause_s(500_000) for _ in range(8)]

    assert pauses[-1] == pytest.approx(8 * 0.5, abs=0.5)
    assert pauses == sorted(pauses)
    assert Throttle().pause_s(10**12) == 0


def test_a_limited_download_takes_its_time_and_arrives_all_the_same(shop: Shop, part: Path) -> None:
    content = os.urandom(3 * MIB)
    shop.files["/w"] = content
    connector = Connector(EgressLog(part.with_name("egress.log")), "m", 5)
    began = time.monotonic()

    Download(connector, HASTE, Throttle(6_000_000)).fetch(
        (RemoteFile(shop.url + "w"),), wanted(content), part, lambda total: None
    )
    assert part.read_bytes() == content
    assert time.monotonic() - began > 0.9 * len(content) / 6_000_000
