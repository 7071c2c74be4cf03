"""Listening: on the loopback address alone, honest about a port that is taken, and ours even in a malformed request."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mien_api import runtime_file
from mien_api.errors import AlreadyRunning, PortInUse
from mien_daemon import keys, server
from mien_daemon.access.connections import MOST_STRANGERS
from mien_daemon.keys import CONNECTIONS
from mien_daemon.server import bind, serve, serve_app, watch_stop_signals
from mien_testing.daemon import config_for


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """An application of two routes: one answers, one fails."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    with bind(0) as bound:
        async with serve_app(app, bound):
            yield int(bound.getsockname()[1])


async def exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def test_only_this_machine_can_connect() -> None:
    with bind(0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"
        assert bound.getsockname()[1] > 0


def test_a_port_that_is_taken_is_refused_by_its_number() -> None:
    with bind(0) as bound:
        bound.listen()
        taken = bound.getsockname()[1]
        with pytest.raises(PortInUse) as refused:
            bind(taken)
        assert refused.value.fields["port"] == taken


def test_a_port_is_free_again_at_once() -> None:
    with bind(0) as bound:
        port = bound.getsockname()[1]
        bound.listen()
        with socket.create_connection(("127.0.0.1", port)):
            bound.accept()[0].close()
    bind(port).close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 9000 + b"\r\n\r\n",
    ],
    ids=["no request", "broken header", "line too long"],
)
async def test_a_request_that_cannot_be_parsed_is_answered_with_a_problem(port: int, request_bytes: bytes) -> None:
    answer = await exchange(port, request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert b"application/problem+json" in head
    assert b"Server:" not in head
    assert b"nosniff" in head
    assert b'"bad-request"' in body
    assert b"nonsense" not in body
    assert b"broken" not in body


async def test_more_than_a_hundred_header_lines_are_refused(port: int) -> None:
    for count, status in ((90, b"200"), (110, b"400")):
        lines = b"".join(b"X-%d: y\r\n" % number for number in range(count))
        request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + lines + b"\r\n"
        assert (await exchange(port, request)).split()[1] == status


async def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SILENT_S", 0.1)
    with bind(0) as bound:
        async with serve_app(web.Application(), bound):
            answer = await exchange(int(bound.getsockname()[1]), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.skipif(sys.platform == "win32", reason="its loop has no signal handlers")
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_to_stop(name: signal.Signals) -> None:
    stopped = watch_stop_signals()
    assert not stopped.is_set()
    os.kill(os.getpid(), name)
    await asyncio.wait_for(stopped.wait(), 60)
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(each)


async def test_a_daemon_says_where_it_is_while_it_runs_and_no_second_one_takes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    monkeypatch.setattr(server, "watch_stop_signals", lambda: stop)
    config, umask = config_for(tmp_path / "state"), os.umask(0o022)
    try:
        serving = asyncio.create_task(serve(config, ready.set_result))
        found: Any = await asyncio.wait_for(ready, 60)
        assert runtime_file.read(config.folders.state) == found
        assert found.pid == os.getpid()
        answer = await exchange(
            found.port, b"GET /v1/hello HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % found.port
        )
        assert b'"mien"' in answer
        with pytest.raises(AlreadyRunning):
            await serve(config)
        stop.set()
        await asyncio.wait_for(serving, 60)
        assert runtime_file.read(config.folders.state) is None
    finally:
        os.umask(umask)


async def test_a_daemon_prepares_the_first_answers_once_it_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, umask = asyncio.Event(), os.umask(0o022)

    async def note(app: web.Application) -> None:
        assert runtime_file.read(app[keys.CONFIG].folders.state) is not None
        stop.set()

    monkeypatch.setattr(server, "watch_stop_signals", lambda: stop)
    monkeypatch.setattr(server, "warm", note)
    try:
        await asyncio.wait_for(serve(config_for(tmp_path / "state")), 60)
    finally:
        os.umask(umask)


async def test_a_daemon_whose_connections_are_all_taken_by_strangers_still_answers(daemon: Any) -> None:
    """Any user of this machine can open connections and say nothing. Those that were opened first go first."""
    idle = [await asyncio.open_connection("127.0.0.1", daemon.port) for _ in range(MOST_STRANGERS + 40)]
    try:
        assert (await daemon.ask("GET", "/v1/hello", token=None)).status == 200
        assert (await daemon.ask("GET", "/v1/health")).status == 200
        await daemon.eventually(lambda: len(daemon.app[CONNECTIONS]) <= MOST_STRANGERS + 3)
        assert await asyncio.wait_for(idle[0][0].read(), 60) == b""
    finally:
        for _, writer in idle:
            writer.close()


async def test_where_the_system_has_no_more_files_the_next_connection_waits_and_the_log_stays_short(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    accept, refused = loop.sock_accept, [errno.EMFILE, errno.ECONNABORTED, errno.ENFILE]

    async def refuse_first(listening: socket.socket) -> Any:
        accepted = await accept(listening)
        if refused:
            accepted[0].close()
            raise OSError(refused.pop(), "as the test wants it")
        return accepted

    monkeypatch.setattr(loop, "sock_accept", refuse_first)
    monkeypatch.setattr(server, "PAUSE_S", 0.01)
    with bind(0) as bound:
        async with serve_app(web.Application(), bound):
            for _ in range(3):
                with contextlib.suppress(ConnectionError):
                    await exchange(int(bound.getsockname()[1]), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            assert (await exchange(int(bound.getsockname()[1]), request)).startswith(b"HTTP/1.1 404")
    told = [record.message for record in caplog.records if record.name == server.__name__]
    assert told == ["no connection can be taken: as the test wants it"] * 2
