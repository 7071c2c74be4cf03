"""The guard: each threat that needs no browser, as the request it sends and the answer it gets."""

import asyncio
import io
import logging
from typing import Any

import PIL.Image
import pytest

from mien_api.errors import (
    MethodNotAllowed,
    QueueFull,
    RangeNotSatisfiable,
    RequestTimeout,
    RequestTooLarge,
    TooManyRequests,
    UnknownRoute,
    Unpaired,
)
from mien_core.errors import ImageTooLarge
from mien_daemon import keys
from mien_daemon.http.guard import EXTENSION_ORIGIN, problem_response
from mien_daemon.state.database import Database

Daemon = Any
OpenDaemon = Any

GOOD = b"Host: 127.0.0.1:PORT\r\n"
AUTH = b"Authorization: Bearer TOKEN\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
EXTENSION = b"Origin: chrome-extension://" + b"a" * 32 + b"\r\n"


def get(path: bytes, *lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + b"".join(lines) + b"\r\n"


def post(path: bytes, *lines: bytes) -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + b"".join(lines) + JSON


REFUSED = {
    "no token": (get(b"/v1/health", GOOD), 401, "unpaired"),
    "a wrong token": (get(b"/v1/health", GOOD, b"Authorization: Bearer mien_x\r\n"), 401, "unpaired"),
    "another scheme": (get(b"/v1/health", GOOD, b"Authorization: Basic TOKEN\r\n"), 401, "unpaired"),
    "two Authorization lines": (get(b"/v1/health", GOOD, AUTH, AUTH), (400, 401), None),
    "a token in the query": (get(b"/v1/health?access_token=TOKEN", GOOD), 401, "unpaired"),
    "an unknown path without a token": (get(b"/v1/nothing", GOOD), 401, "unpaired"),
    "a rebound name": (get(b"/v1/hello", b"Host: evil.example:PORT\r\n"), 421, "wrong-host"),
    "a rebound name with a token": (get(b"/v1/health", b"Host: evil.example:PORT\r\n", AUTH), 421, "wrong-host"),
    "a name that begins like ours": (get(b"/v1/hello", b"Host: 127.0.0.1.evil:PORT\r\n"), 421, "wrong-host"),
    "user information in Host": (get(b"/v1/hello", b"Host: 127.0.0.1:PORT@evil\r\n"), (400, 421), None),
    "the address of everywhere": (get(b"/v1/hello", b"Host: 0.0.0.0:PORT\r\n"), 421, "wrong-host"),
    "the mapped address": (get(b"/v1/hello", b"Host: [::ffff:7f00:1]:PORT\r\n"), 421, "wrong-host"),
    "localhost.evil": (get(b"/v1/hello", b"Host: localhost.evil:PORT\r\n"), 421, "wrong-host"),
    "localhost": (get(b"/v1/hello", b"Host: localhost:PORT\r\n"), 421, "wrong-host"),
    "another port": (get(b"/v1/hello", b"Host: 127.0.0.1:1\r\n"), 421, "wrong-host"),
    "no port": (get(b"/v1/hello", b"Host: 127.0.0.1\r\n"), 421, "wrong-host"),
    "no Host": (get(b"/v1/hello"), 400, "bad-request"),
    "two Hosts": (get(b"/v1/hello", GOOD, b"Host: evil\r\n"), 400, "bad-request"),
    "HTTP/1.0 without Host": (get(b"/v1/hello", version=b"1.0"), 421, "wrong-host"),
    "absolute form": (get(b"http://evil/v1/hello", GOOD), 400, "bad-request"),
    "absolute form to ourselves": (get(b"http://127.0.0.1:PORT/v1/health", GOOD, AUTH), 400, "bad-request"),
    "two slashes": (get(b"//evil/v1/hello", GOOD), 400, "bad-request"),
    "CONNECT": (b"CONNECT evil:443 HTTP/1.1\r\n" + GOOD + b"\r\n", 400, "bad-request"),
    "a form from another site": (
        b"POST /v1/jobs HTTP/1.1\r\n" + GOOD + b"Origin: http://evil\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        403,
        "foreign-origin",
    ),
    "a null origin": (post(b"/v1/jobs", GOOD, AUTH, b"Origin: null\r\n"), 403, "foreign-origin"),
    "a web origin": (post(b"/v1/jobs", GOOD, AUTH, b"Origin: https://evil.example\r\n"), 403, "foreign-origin"),
    "another local server's origin": (
        post(b"/v1/jobs", GOOD, AUTH, b"Origin: http://127.0.0.1:1\r\n"),
        403,
        "foreign-origin",
    ),
    "a form navigation": (
        post(b"/v1/jobs", GOOD, AUTH, b"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n"),
        403,
        "foreign-origin",
    ),
    "same-site": (get(b"/v1/hello", GOOD, b"Sec-Fetch-Site: same-site\r\n"), 403, "foreign-origin"),
    "cross-site": (get(b"/v1/hello", GOOD, b"Sec-Fetch-Site: cross-site\r\n"), 403, "foreign-origin"),
    "a preflight": (
        b"OPTIONS /v1/jobs HTTP/1.1\r\n"
        + GOOD
        + b"Origin: https://evil\r\nAccess-Control-Request-Method: POST\r\n\r\n",
        403,
        "foreign-origin",
    ),
    "a web socket": (
        get(
            b"/v1/events",
            GOOD,
            AUTH,
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        ),
        403,
        "foreign-origin",
    ),
    "a forged extension origin without a token": (get(b"/v1/health", GOOD, EXTENSION), 401, "unpaired"),
    "a program's token from an extension": (get(b"/v1/health", GOOD, AUTH, EXTENSION), 403, "foreign-origin"),
    "text/plain": (
        b"POST /v1/jobs HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
        415,
        "unsupported-media-type",
    ),
    "an encoded body": (
        b"PUT /v1/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Encoding: deflate\r\n"
        b"Content-Type: image/png\r\nContent-Length: 1\r\n\r\nx",
        415,
        "unsupported-media-type",
    ),
    "a length and chunks": (
        b"POST /v1/jobs HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Type: application/json\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        400,
        "bad-request",
    ),
    "two lengths": (
        b"POST /v1/jobs HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        400,
        "bad-request",
    ),
    "a bare line feed": (b"GET /v1/hello HTTP/1.1\n" + GOOD + b"\r\n", 400, "bad-request"),
    "a space before the colon": (get(b"/v1/hello", b"Host : 127.0.0.1:PORT\r\n"), 400, "bad-request"),
    "a header of 10 kB": (get(b"/v1/hello", GOOD, b"X-Long: " + b"x" * 10_240 + b"\r\n"), 400, "bad-request"),
    "200 headers": (
        get(b"/v1/hello", GOOD, *(b"X-%d: x\r\n" % number for number in range(200))),
        400,
        "bad-request",
    ),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad-request"),
    "a path out of the blobs": (
        b"PUT /v1/blobs/sha256:../../x HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Length: 0\r\n\r\n",
        (400, 404),
        None,
    ),
    "an encoded path out of the blobs": (
        b"PUT /v1/blobs/sha256:%2e%2e%2f%2e%2e%2fx HTTP/1.1\r\n" + GOOD + AUTH + b"Content-Length: 0\r\n\r\n",
        (400, 404),
        None,
    ),
    "only dots": (get(b"/v1/blobs/%2e%2e", GOOD, AUTH), (400, 404), None),
    "a method that is not there": (
        b"DELETE /v1/hello HTTP/1.1\r\n" + GOOD + AUTH + b"\r\n",
        405,
        "method-not-allowed",
    ),
    "an unknown expectation": (
        b"POST /v1/jobs HTTP/1.1\r\n" + GOOD + AUTH + b"Expect: tea\r\nContent-Length: 0\r\n\r\n",
        400,
        "bad-request",
    ),
}


@pytest.mark.parametrize(("request_bytes", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_must_not_get_in_is_refused(
    daemon: Daemon, request_bytes: bytes, status: int | tuple[int, ...], code: str | None
) -> None:
    answer = await daemon.raw(request_bytes)
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer.body
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json["status"] == answer.status
    if code:
        assert answer.code == code
    if answer.status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []


def picture() -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (4, 4)).save(made, "png")
    return made.getvalue()


async def test_hello_needs_no_token_and_says_nothing_else(daemon: Daemon) -> None:
    answer = await daemon.raw(get(b"/v1/hello", GOOD))
    assert answer.status == 200
    assert answer.json == {"name": "mien", "api": 1}
    assert "server" not in answer.headers


async def test_a_token_that_was_revoked_is_refused_at_once(daemon: Daemon) -> None:
    made = (await daemon.ask("POST", "/v1/tokens", {"name": "batch", "scope": "swap"})).json
    assert (await daemon.ask("GET", "/v1/health", token=made["token"])).status == 200
    assert (await daemon.ask("DELETE", f"/v1/clients/{made['id']}")).status == 204
    assert (await daemon.ask("GET", "/v1/health", token=made["token"])).code == "unpaired"


async def test_a_session_ends_after_its_time_and_with_its_client(daemon: Daemon) -> None:
    clients = daemon.app[keys.CLIENTS]
    client = await clients.add_paired("a browser", "chrome-extension://" + "a" * 32, b"key")
    headers = {"Origin": client.origin}
    over, running = clients.open_session(client.id, lifetime_s=0), clients.open_session(client.id)
    assert (await daemon.ask("GET", "/v1/health", token=over, headers=headers)).status == 401
    assert (await daemon.ask("GET", "/v1/health", token=running, headers=headers)).status == 200
    other = {"Origin": "chrome-extension://" + "b" * 32}
    assert (await daemon.ask("GET", "/v1/health", token=running, headers=other)).code == "foreign-origin"
    await clients.revoke(client.id)
    assert (await daemon.ask("GET", "/v1/health", token=running, headers=headers)).status == 401


async def test_a_token_does_what_its_scope_allows_and_nothing_else(daemon: Daemon) -> None:
    swap, admin = await daemon.token("swap"), await daemon.token("admin")
    for method, path in (("GET", "/v1/clients"), ("GET", "/v1/settings"), ("POST", "/v1/queue/pause")):
        refused = await daemon.ask(method, path, token=swap)
        assert (refused.status, refused.code, refused.json["needs"]) == (403, "wrong-scope", "admin")
        assert (await daemon.ask(method, path, token=admin)).status == 200


async def test_a_client_sees_the_jobs_it_made_and_no_others(daemon: Daemon) -> None:
    token = await daemon.token("swap")
    job = await daemon.finished(await daemon.swap())
    assert (await daemon.ask("GET", "/v1/jobs", token=token)).json["jobs"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/result")):
        refused = await daemon.ask(method, f"/v1/jobs/{job['id']}{path}", token=token)
        assert (refused.status, refused.code) == (404, "unknown-job")


async def test_a_picture_that_somebody_else_sent_is_unknown(daemon: Daemon) -> None:
    name = await daemon.put(picture())
    token = await daemon.token("swap")
    assert (await daemon.ask("GET", f"/v1/blobs/{name}", token=token)).code == "unknown-blob"
    job = {"kind": "swap", "target": name, "reference": name}
    assert (await daemon.ask("POST", "/v1/jobs", job, token=token)).code == "unknown-blob"


async def test_a_token_in_a_url_or_a_malformed_line_never_reaches_a_log(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await daemon.raw(get(b"/v1/health?access_token=SECRET", GOOD))
    await daemon.raw(b"GET /SECRET HTTP/9.9\r\n\r\n")
    await daemon.raw(get(b"/v1/hello", b"SECRET SECRET: x\r\n"))
    ours = [record for record in caplog.records if record.name.partition(".")[0] in {"mien_daemon", "aiohttp"}]
    assert ours
    assert not [record for record in ours if "SECRET" in record.getMessage() + str(record.exc_info)]


@pytest.mark.parametrize("said", [b"", b"GET /v1/hello HTTP/1.1\r\nHost: 127"], ids=["nothing", "half a head"])
async def test_a_connection_that_asks_nothing_is_closed(
    open_daemon: OpenDaemon, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("mien_daemon.server.SILENT_S", 0.2)
    async with open_daemon() as daemon, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
        writer.write(said)
        assert await reader.read() == b""
        writer.close()


async def test_an_error_nobody_planned_for_gets_a_number_and_says_nothing(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    database: Database = daemon.app[keys.DATABASE]
    await database.write(lambda db: db.execute("ALTER TABLE jobs RENAME TO secret"))
    answer = await daemon.ask("GET", "/v1/jobs")
    assert (answer.status, answer.code) == (500, "internal-error")
    assert set(answer.json) == {"type", "title", "status", "code", "incident"}
    assert f"incident {answer.json['incident']}" in caplog.text


# ── the answer to an error ──


@pytest.mark.parametrize(
    ("error", "status", "name", "value"),
    [
        (Unpaired("no"), 401, "WWW-Authenticate", "Bearer"),
        (QueueFull("full"), 429, "Retry-After", None),
        (TooManyRequests("slower", retry_after_s=7), 429, "Retry-After", "7"),
        (MethodNotAllowed("no", allowed="GET PUT"), 405, "Allow", "GET, PUT"),
        (RangeNotSatisfiable("no", size=9), 416, "Content-Range", "bytes */9"),
    ],
)
def test_an_answer_has_the_header_that_its_status_asks_for(
    error: Exception, status: int, name: str, value: str | None
) -> None:
    answer = problem_response(error)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert int(answer.headers[name]) > 0 if value is None else answer.headers[name] == value


@pytest.mark.parametrize(
    ("error", "closes"),
    [
        (RequestTooLarge("more"), True),
        (RequestTimeout("slow"), True),
        (ImageTooLarge("more", limit_bytes=1), True),
        (ImageTooLarge("more", pixels=1), False),
        (UnknownRoute("no"), False),
    ],
)
def test_a_connection_whose_body_was_not_read_to_its_end_is_closed(error: Exception, closes: bool) -> None:
    assert (problem_response(error).keep_alive is False) is closes


@pytest.mark.parametrize(
    ("origin", "matches"),
    [
        ("chrome-extension://" + "ap" * 16, True),
        ("chrome-extension://" + "aq" * 16, False),
        ("chrome-extension://" + "a" * 31, False),
        ("moz-extension://01234567-89ab-cdef-0123-456789abcdef", True),
        ("moz-extension://01234567-89ab-cdef-0123-456789ABCDEF", False),
        ("chrome-extension://" + "a" * 32 + ".evil", False),
        ("https://chrome-extension", False),
    ],
)
def test_only_whole_origins_of_extensions_match(origin: str, matches: bool) -> None:
    assert bool(EXTENSION_ORIGIN.fullmatch(origin)) is matches
