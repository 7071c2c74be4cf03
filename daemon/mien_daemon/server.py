"""The daemon's socket on the loopback address, and connections that answer malformed requests with a problem."""

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager

from aiohttp import web

from mien_api import runtime_file
from mien_api.errors import PortInUse
from mien_api.problems import PROBLEMS, document
from mien_api.runtime_file import RuntimeFile
from mien_core.errors import BadRequest
from mien_core.version import product_version
from mien_daemon import keys
from mien_daemon.access.clients import new_token
from mien_daemon.access.connections import SILENT_S, Connections, raise_file_limit
from mien_daemon.app import create_app
from mien_daemon.background import BackgroundTasks
from mien_daemon.config import Config
from mien_daemon.http.guard import STANDING_HEADERS
from mien_daemon.keys import CONNECTIONS
from mien_daemon.log import keep_cutting
from mien_daemon.state.reconcile import Finding
from mien_daemon.warming import warm

log = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
MAX_LINE_BYTES = 8190
MAX_HEADERS = 100
# After an answer the rest of a refused body is read for so long, that the client may see the answer.
LINGER_S = 2.0
SHUTDOWN_S = 2.0
BACKLOG = 128
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# A thread that computes gives way to the one that answers after so long; by default that takes 5 ms, at each step of
# each answer.
GIVE_WAY_S = 0.001
PAUSE_S = 0.5  # before the next try to take a connection when every one is at work


class _Plain(web.Response):
    """An answer without the server's name; the signal that removes it elsewhere never sees a malformed request."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class ProblemConnection(web.RequestHandler):
    """aiohttp's connection; a request that cannot be parsed is answered with a problem, and not logged."""

    connections: Connections | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.connections is not None:
            self.connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.connections is not None:
            self.connections.remove(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 it quotes the request line, which may hold anything
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer was sent already")
        if status == 400:
            log.info("a malformed request was refused")
            problem = document("bad-request", PROBLEMS[BadRequest], "the request could not be parsed", {})
        else:
            log.error("a connection failed", exc_info=exc)
            problem = document("internal-error", PROBLEMS[BadRequest], "", {})
        answer = _Plain(
            text=json.dumps(problem), status=status, headers=STANDING_HEADERS, content_type="application/problem+json"
        )
        answer.force_close()
        return answer

    def log_exception(self, *args: object, **kw: object) -> None:  # noqa: ARG002 they may quote the request
        log.debug("a connection ended badly", exc_info=True)


def bind(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0 picks a free one.

    Raises:
        PortInUse: `port` is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there the other option would let a second program listen too
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, port))
    except OSError as error:
        listening.close()
        raise PortInUse(f"port {port} cannot be had: {error.strerror}", port=port) from error
    return listening


@asynccontextmanager
async def serve_app(app: web.Application, bound: socket.socket) -> AsyncGenerator[None]:
    """Serve `app` on a bound socket until the block ends; connections then get a moment to finish."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("the application did not start")
    loop = asyncio.get_running_loop()
    connections = app.get(CONNECTIONS)

    def connect() -> ProblemConnection:
        connection = ProblemConnection(
            server,
            loop=loop,
            logger=log,
            access_log=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] a log could keep paths
            auto_decompress=False,
            keepalive_timeout=SILENT_S,
            lingering_time=LINGER_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        connection.connections = connections
        return connection

    bound.setblocking(False)
    bound.listen(BACKLOG)
    arriving = BackgroundTasks()
    accepting = asyncio.create_task(accept_all(bound, connect, connections, arriving))
    try:
        yield
    finally:
        accepting.cancel()
        await asyncio.wait([accepting])
        bound.close()
        await arriving.wait()
        await runner.cleanup()


async def accept_all(
    bound: socket.socket,
    connect: Callable[[], ProblemConnection],
    connections: Connections | None,
    arriving: BackgroundTasks,
) -> None:
    """Take connections, for ever. Where the system has no more files for one, an idle one goes, after a pause.

    asyncio's own server would try, and log, 128 times in a row.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            accepted, _ = await loop.sock_accept(bound)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                await asyncio.sleep(0)  # that client is gone already
                continue
            log.warning("no connection can be taken: %s", error.strerror)
            if connections is None or not connections.end_idle():
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(0)
        else:
            arriving.start(loop.connect_accepted_socket(connect, accepted))


async def serve(config: Config, on_ready: Callable[[RuntimeFile], object] = lambda _: None) -> None:
    """Run the daemon until it is asked to stop; `on_ready` is told what `daemon.json` says.

    Raises:
        AlreadyRunning: another daemon holds the state folder.
        PortInUse: the port is taken.
    """
    os.umask(0o077)
    sys.setswitchinterval(GIVE_WAY_S)
    raise_file_limit()
    state, token = config.folders.state, new_token()
    stopped, bound, lost = watch_stop_signals(), None, False
    with ExitStack() as stack:
        while True:
            with runtime_file.held(state):
                bound = bound or stack.enter_context(bind(config.settings.port))
                app = create_app(config.on_port(int(bound.getsockname()[1])), token, stopped)
                if lost:
                    app[keys.STATE_CHECK].note(Finding("state-removed", "the state folder", "begun"))
                lost = await serve_until_stopped(app, bound, token, stopped, ignore_ready if lost else on_ready)
            if not lost:
                return
            log.error("the state folder was removed while the daemon ran; a new one is begun")


async def serve_until_stopped(
    app: web.Application,
    bound: socket.socket,
    token: str,
    stopped: asyncio.Event,
    on_ready: Callable[[RuntimeFile], object],
) -> bool:
    """Serve until the daemon is asked to stop, or its state folder is removed; True means the latter.

    `bound` stays open: connections that come while a new state folder is begun wait in it.
    """
    config, removed = app[keys.CONFIG], app[keys.DATABASE].removed
    async with serve_app(app, bound.dup()):
        found = RuntimeFile(config.settings.port, os.getpid(), product_version(), token)
        runtime_file.write(config.folders.state, found)
        on_ready(found)
        log.info("ready on http://%s:%d", ADDRESS, config.settings.port)
        app[keys.WORKERS].warm()
        waiting = [asyncio.create_task(event.wait()) for event in (stopped, removed)]
        beside = [asyncio.create_task(work) for work in (keep_cutting(), warm(app))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*waiting, *beside):
                task.cancel()
            if not removed.is_set():
                runtime_file.remove(config.folders.state)
                log.info("stopping")
    return removed.is_set() and not stopped.is_set()


def ignore_ready(_found: RuntimeFile) -> None:
    """The program that started the daemon was told before."""


def watch_stop_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(stopped.set)

    for name in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(name, stopped.set)
        except NotImplementedError:  # Windows: its loop cannot; a plain handler wakes it instead
            signal.signal(name, stop)
    return stopped
