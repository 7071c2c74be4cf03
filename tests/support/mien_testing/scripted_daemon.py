"""A daemon without a daemon: it holds its state folder and answers each request as a test says."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from mien_api import runtime_file
from mien_api.runtime_file import RuntimeFile

NO_PROCESS = 2**22 + 1  # Linux gives process ids up to 2**22


class Asked(NamedTuple):
    """A request that came; `body` is None where there was none."""

    method: str
    path: str
    body: Any


@dataclass
class ScriptedDaemon:
    """Answers by `METHOD /path`; a list is answered one by one, a number refuses with that status."""

    state: Path
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[Asked] = field(default_factory=list[Asked])

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append(Asked(method, path, body))
        found = self.answers.get(f"{method} {path}", {})
        if isinstance(found, list):
            found = found.pop(0)
        if isinstance(found, int):
            return found, {"code": "unknown-job", "detail": "there is no such job", "title": "?", "status": found}
        return 200, found


@contextmanager
def run_scripted_daemon(state: Path) -> Generator[ScriptedDaemon]:
    """A scripted daemon that listens, and that every client of this state folder finds."""
    made = ScriptedDaemon(state)

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            is_json = self.headers.get("Content-Type") == "application/json"
            status, document = made.answer(self.command, self.path, json.loads(sent) if is_json else sent or None)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = reply  # noqa: N815 so the base class finds them

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with runtime_file.held(state):
            runtime_file.write(state, RuntimeFile(server.server_port, NO_PROCESS, "0", "token"))
            yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
