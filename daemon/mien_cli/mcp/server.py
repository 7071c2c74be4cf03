"""The server: reads requests from one stream, answers on another, and runs calls of tools beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from mien_api.problems import problem_for
from mien_cli.mcp.messages import (
    ENVELOPE_VERSIONS,
    HANDSHAKE_VERSIONS,
    INVALID_PARAMS,
    SERVER_KEY,
    UNKNOWN_METHOD,
    Document,
    Id,
    Message,
    Refusal,
    answer,
    choose_version,
    notify,
    read_message,
    refuse,
    show,
    show_problem,
    write_message,
)
from mien_cli.mcp.tools import TOOLS, Tool
from mien_core.errors import Cancelled, MienError
from mien_core.version import product_version

if TYPE_CHECKING:
    from mien_api.client import DaemonClient

AT_A_TIME = 8  # calls; the daemon has its own queue behind them
INSTRUCTIONS = (
    "Mien swaps faces in pictures on this machine only. Ask list_references whose face may be used; a person adds "
    "faces with `mien references add`. Every result is marked as made. Refusals have a code that says what to change."
)


@dataclass(slots=True)
class Call:
    """A call of a tool that has not been answered."""

    job: str | None = None
    is_cancelled: bool = False
    wants_answer: bool = True


@dataclass(slots=True)
class Server:
    """One client's server.

    Attributes:
        connect: the daemon of this user; raises `DaemonUnreachable`. Asked at each call, so that it may start later.
        output: where answers go, one a line.
    """

    connect: Callable[[], DaemonClient]
    output: BinaryIO
    _calls: dict[Id, Call] = field(default_factory=dict[Id, Call])
    _lock: Lock = field(default_factory=Lock)

    def serve(self, requests: BinaryIO) -> None:
        """Answer until the client closes its end; the jobs of calls that still run are cancelled then."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            try:
                for line in requests:
                    if line.strip():
                        self._take(line, pool)
            finally:
                for call in list(self._calls.values()):
                    self._cancel(call)

    def _take(self, line: bytes, pool: ThreadPoolExecutor) -> None:
        message: Message | None = None
        try:
            message = read_message(line)
            if message is None:
                return
            if message.id is None:
                self._hear(message)
            elif message.method == "tools/call":
                tool, arguments = find_tool(message)
                enveloped = message.is_enveloped
                self._calls[message.id] = Call()
                pool.submit(self._call, message.id, message, tool, arguments, is_enveloped=enveloped)
            else:
                self._send(answer(message.id, reply_to(message)))
        except Refusal as refusal:
            self._send(refuse(message.id if message else None, refusal))

    def _hear(self, message: Message) -> None:
        """A notification; the only one with a meaning here says that an answer is wanted no longer."""
        named = message.params.get("requestId")
        call = self._calls.get(named) if isinstance(named, str | int) else None
        if message.method == "notifications/cancelled" and call is not None:
            call.wants_answer = False
            self._cancel(call)

    def _cancel(self, call: Call) -> None:
        call.is_cancelled = True
        if call.job:
            with suppress(MienError):
                self.connect().cancel(call.job)

    def _call(
        self, message_id: Id, message: Message, tool: Tool, arguments: Mapping[str, Any], *, is_enveloped: bool
    ) -> None:
        """Run a tool and answer, unless the client wants no answer any more."""
        call = self._calls[message_id]
        try:
            tool.check(arguments)
            result = show(tool.run(self.connect(), arguments, self._teller(message, call)))
        except Exception as error:  # noqa: BLE001 -- the outermost handler of this thread; the document names it
            result = show_problem(problem_for(error))
        finally:
            self._calls.pop(message_id, None)
        if call.wants_answer:
            self._send(answer(message_id, complete(result) if is_enveloped else result))

    def _teller(self, message: Message, call: Call) -> Callable[[Mapping[str, Any]], None]:
        """What hears of the job: it ends a cancelled call, and tells the client how far the job is, if it asked."""
        token, told = message.meta.get("progressToken"), 0.0

        def tell(job: Mapping[str, Any]) -> None:
            nonlocal told
            call.job = str(job["id"])
            if call.is_cancelled:
                raise Cancelled("the client cancelled the call", job=call.job)
            if token is not None and job["progress"] > told:
                told = float(job["progress"])
                about = {
                    "progressToken": token,
                    "progress": told,
                    "total": 1.0,
                    "message": job["stage"] or job["state"],
                }
                self._send(notify("notifications/progress", about))

        return tell

    def _send(self, document: Mapping[str, object]) -> None:
        with self._lock, suppress(BrokenPipeError):  # a client that is gone closes its other end too
            self.output.write(write_message(document))
            self.output.flush()


def reply_to(message: Message) -> Document:
    """The result of every request but a call of a tool.

    Raises:
        Refusal: there is no such method.
    """
    enveloped = message.is_enveloped
    about: Document = {"capabilities": {"tools": {}}, "instructions": INSTRUCTIONS}
    server = {"name": "mien", "title": "Mien", "version": product_version()}
    match message.method:
        case "initialize":
            return {
                "protocolVersion": choose_version(message.params.get("protocolVersion")),
                "serverInfo": server,
                **about,
            }
        case "server/discover":
            versions = [*HANDSHAKE_VERSIONS, *ENVELOPE_VERSIONS]
            return cacheable({**about, "supportedVersions": versions, "_meta": {SERVER_KEY: server}})
        case "ping":
            return complete({}) if enveloped else {}
        case "tools/list":
            tools = {"tools": [tool.describe() for tool in TOOLS]}
            return cacheable(tools) if enveloped else tools
        case _:
            raise Refusal(UNKNOWN_METHOD, f"there is no method {message.method!r}")


def find_tool(message: Message) -> tuple[Tool, Mapping[str, Any]]:
    """The tool of a call and its arguments.

    Raises:
        Refusal: there is no such tool, or the arguments are no object.
    """
    tool = next((each for each in TOOLS if each.name == message.params.get("name")), None)
    arguments = message.params.get("arguments") or {}
    if tool is None or not isinstance(arguments, dict):
        raise Refusal(INVALID_PARAMS, f"there is no tool {message.params.get('name')!r}")
    return tool, arguments


def complete(result: Mapping[str, object]) -> Document:
    """A result as it is since 2026-07-28: it says that nothing more is asked."""
    return {**result, "resultType": "complete"}


def cacheable(result: Mapping[str, object]) -> Document:
    """A result that stays the same as long as this process runs."""
    return {**complete(result), "ttlMs": 0, "cacheScope": "private"}
