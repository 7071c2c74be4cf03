"""The tray goes on whatever its daemon does: refuses, hangs up, tells nonsense, changes under its hands."""

import json
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mien_api import runtime_file
from mien_api.folders import Folders
from mien_api.runtime_file import RuntimeFile
from mien_tray.app import Tray
from mien_tray.autostart import choose_autostart
from mien_tray.icon_image import IconState, Symbol
from mien_tray.menu import Action, Entry, MenuLine, Verb
from mien_tray.status import NOTIFY
from mien_tray.strings import Words
from mien_tray.supervisor import Launch, Supervisor

pytestmark = pytest.mark.slow

WAIT_S = 120.0  # two slow cores that other things run on as well
NO_PROCESS = 2**22 + 1  # Linux gives process ids up to 2**22
Shown = tuple[IconState, str]


def healthy() -> dict[str, Any]:
    """What a daemon with nothing to do answers."""
    queue_ = {"queued": 0, "running": 0, "paused": False}
    return {
        "/v1/health": {"queue": queue_, "worker": {"pid": None, "state": "stopped"}, "degraded": False},
        "/v1/jobs": {"jobs": [], "next": None},
        "/v1/references": {"references": []},
        "/v1/models": {"models": [], "transfers": []},
        "/v1/pair/window": {"seconds_left": 0, "id": None, "name": None, "state": None, "digits": None},
        "/v1/settings": {"settings": [{"name": f"notify_{name}", "value": True} for name in NOTIFY]},
        "/v1/sessions": {"url": "http://127.0.0.1:1/#code=abc"},
    }


@dataclass
class FakeDaemon:
    """Answers what it was given; an answer that is a number refuses with that status, one that is bytes is sent so."""

    state: Path
    answers: dict[str, Any] = field(default_factory=healthy)
    asked: queue.SimpleQueue[tuple[str, str, Any]] = field(default_factory=queue.SimpleQueue)
    events: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    listeners: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def tell(self, kind: str, **data: object) -> None:
        self.events.put(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def was_asked(self, method: str, path: str) -> Any:
        """Wait until this was asked, and give its body."""
        while True:
            found = self.asked.get(timeout=WAIT_S)
            if found[:2] == (method, path):
                return found[2]


@pytest.fixture
def daemon(tmp_path: Path) -> Generator[FakeDaemon]:
    """A daemon that holds its state folder and listens."""
    made = FakeDaemon(tmp_path / "state")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            length = int(self.headers.get("Content-Length") or 0)
            made.asked.put((self.command, path, json.loads(self.rfile.read(length)) if length else None))
            if path == "/v1/events":
                self.stream()
                return
            found = made.answers.get(path, {})
            status = found if isinstance(found, int) else 200
            problem = {"code": "job-finished", "detail": "the job has finished"}
            body = found if isinstance(found, bytes) else json.dumps(problem if status >= 400 else found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 so the base class finds them

        def stream(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            made.listeners.release()
            while (event := made.events.get()) is not None:
                self.wfile.write(event)
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with runtime_file.held(made.state):
        runtime_file.write(made.state, RuntimeFile(server.server_port, NO_PROCESS, "0", "token"))
        yield made
    for _ in range(5):
        made.events.put(None)
    server.shutdown()
    thread.join()
    server.server_close()


class Glass:
    """A view that keeps what it is shown. With `shows_notifications` off there is no service for them."""

    def __init__(self, *, shows_notifications: bool = True) -> None:
        self.shown: queue.SimpleQueue[tuple[IconState, str, Sequence[MenuLine]]] = queue.SimpleQueue()
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.pictures: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.buttons: queue.SimpleQueue[Sequence[Entry]] = queue.SimpleQueue()
        self.stopped = threading.Event()
        self._shows_notifications = shows_notifications

    def show(self, look: IconState, title: str, lines: Sequence[MenuLine]) -> None:
        self.shown.put((look, title, lines))

    def notify(self, title: str, text: str, picture: bytes | None = None, buttons: Sequence[Entry] = ()) -> bool:
        self.told.put(text)
        self.pictures.put(picture)
        self.buttons.put(buttons)
        return self._shows_notifications

    def run(self) -> None:
        self.stopped.wait()

    def stop(self) -> None:
        self.stopped.set()

    def until(self, holds: Callable[[IconState, str, Sequence[MenuLine]], bool]) -> Sequence[MenuLine]:
        while True:
            shown = self.shown.get(timeout=WAIT_S)
            if holds(*shown):
                return shown[2]

    def until_title(self, title: str) -> Sequence[MenuLine]:
        return self.until(lambda _, shown, __: shown == title)


@dataclass
class Running:
    tray: Tray
    glass: Glass
    opened: queue.SimpleQueue[str]


def never(folders: Folders) -> Any:
    raise OSError(2, "there is no program in this test")


Run = Callable[..., Running]


@pytest.fixture
def run(tmp_path: Path) -> Generator[Run]:
    """Run a tray on the state folder, and end it after the test."""
    with ExitStack() as stack:

        def start(*, shows_notifications: bool = True, browser: bool = True, launch: Launch = never) -> Running:
            opened: queue.SimpleQueue[str] = queue.SimpleQueue()

            def open_page(url: str) -> bool:
                opened.put(url)
                return browser

            folders = Folders.find(tmp_path / "state", tmp_path / "models")
            login = choose_autostart((), "linux", {"DISPLAY": ":0"}, tmp_path)
            tray = Tray(Supervisor(folders, launch=launch), login, Words(), open_page)
            glass = Glass(shows_notifications=shows_notifications)
            thread = threading.Thread(target=tray.run, args=[glass])
            thread.start()
            stack.callback(thread.join)
            stack.callback(tray.ask, Action(Verb.QUIT))
            return Running(tray, glass, opened)

        yield start


REQUESTS: dict[Action, tuple[str, str, Mapping[str, object] | None]] = {
    Action(Verb.CANCEL, "a/b"): ("POST", "/v1/jobs/a%2Fb/cancel", None),
    Action(Verb.PAUSE, on=True): ("POST", "/v1/queue/pause", None),
    Action(Verb.PAUSE, on=False): ("POST", "/v1/queue/resume", None),
    Action(Verb.DOWNLOAD, "iris"): ("POST", "/v1/models/iris/download", None),
    Action(Verb.PAUSE_DOWNLOAD, "iris"): ("POST", "/v1/models/iris/pause", None),
    Action(Verb.PAIR): ("POST", "/v1/pair/window", None),
    Action(Verb.CLOSE_PAIRING): ("DELETE", "/v1/pair/window", None),
    Action(Verb.APPROVE, "p"): ("POST", "/v1/pair/p/approve", None),
    Action(Verb.REFUSE, "p"): ("POST", "/v1/pair/p/refuse", None),
    Action(Verb.UNLOAD): ("POST", "/v1/worker/unload", None),
    Action(Verb.RESTART_WORKER): ("POST", "/v1/worker/restart", None),
    Action(Verb.NOTIFY, "failed", on=False): ("PUT", "/v1/settings", {"notify_failed": False}),
}


def test_every_click_asks_the_daemon_for_what_it_says(daemon: FakeDaemon, run: Run) -> None:
    tray = run().tray
    for action, (method, path, body) in REQUESTS.items():
        tray.ask(action)
        assert daemon.was_asked(method, path) == body


def test_what_the_daemon_refuses_is_said(daemon: FakeDaemon, run: Run) -> None:
    """A menu that is open may be older than the daemon's state."""
    daemon.answers["/v1/jobs/a/cancel"] = 409
    running = run()
    running.tray.ask(Action(Verb.CANCEL, "a"))
    assert running.glass.told.get(timeout=WAIT_S) == "That did not work: the job has finished"
    running.tray.ask(Action(Verb.PAIR))
    daemon.was_asked("POST", "/v1/pair/window")


def test_what_could_not_be_notified_of_is_kept_in_the_menu_until_the_page_is_opened(
    daemon: FakeDaemon, run: Run
) -> None:
    running = run(shows_notifications=False)
    daemon.listeners.acquire(timeout=WAIT_S)
    daemon.tell("job", state="done", problem=None)
    last = "Last message: A job is done"
    running.glass.until(lambda _, __, lines: any(getattr(line, "label", "") == last for line in lines))
    running.tray.ask(Action(Verb.OPEN))
    assert running.opened.get(timeout=WAIT_S) == "http://127.0.0.1:1/#code=abc"
    running.glass.until(lambda _, __, lines: all(getattr(line, "label", "") != last for line in lines))


def test_a_failure_asks_for_attention_until_the_jobs_were_looked_at(daemon: FakeDaemon, run: Run) -> None:
    running = run()
    daemon.listeners.acquire(timeout=WAIT_S)
    for _ in range(2):
        daemon.tell("job", state="failed", problem={"code": "disk-full", "title": "?"})
    running.glass.until(lambda look, _, __: look == IconState(Symbol.ATTENTION))
    running.tray.ask(Action(Verb.OPEN, "jobs"))
    assert running.opened.get(timeout=WAIT_S) == "http://127.0.0.1:1/#code=abc&view=jobs"
    running.glass.until(lambda look, _, __: look == IconState(Symbol.IDLE))


def test_a_browser_that_does_not_start_is_said(daemon: FakeDaemon, run: Run) -> None:
    running = run(browser=False)
    running.glass.until_title("Mien · Idle")
    running.tray.ask(Action(Verb.OPEN))
    assert "`mien open`" in running.glass.told.get(timeout=WAIT_S)


def test_a_daemon_that_hangs_up_is_listened_to_again(daemon: FakeDaemon, run: Run) -> None:
    running = run()
    daemon.listeners.acquire(timeout=WAIT_S)
    daemon.events.put(None)
    daemon.listeners.acquire(timeout=WAIT_S)
    daemon.tell("job", state="done", problem=None)
    assert running.glass.told.get(timeout=WAIT_S) == "A job is done"


@pytest.mark.parametrize("answer", [500, b"<html>", b"{}", b"[]"], ids=["a refusal", "no JSON", "no members", "a list"])
def test_a_daemon_that_tells_nonsense_does_not_end_the_tray(daemon: FakeDaemon, run: Run, answer: object) -> None:
    right = daemon.answers["/v1/health"]
    daemon.answers["/v1/health"] = answer
    running = run()
    for _ in range(2):
        daemon.was_asked("GET", "/v1/health")
    daemon.answers["/v1/health"] = right
    running.glass.until_title("Mien · Idle")


def test_an_event_that_nobody_knows_has_everything_read_again(daemon: FakeDaemon, run: Run) -> None:
    running = run()
    running.glass.until_title("Mien · Idle")
    daemon.answers["/v1/health"]["queue"]["paused"] = True
    daemon.tell("of-the-future", what=1)
    running.glass.until_title("Mien · The queue is paused, waiting: 0")


def test_without_a_daemon_a_click_says_that_there_is_none(tmp_path: Path, run: Run) -> None:
    running = run()
    running.glass.until(lambda look, _, __: look == IconState(Symbol.STOPPED))
    running.tray.ask(Action(Verb.OPEN))
    assert running.glass.told.get(timeout=WAIT_S) == "That did not work: Mien is stopped"


def test_a_login_that_cannot_be_set_is_said(tmp_path: Path, daemon: FakeDaemon, run: Run) -> None:
    (tmp_path / ".config").write_text("a file", encoding="utf-8")
    running = run()
    running.tray.ask(Action(Verb.LOGIN, on=True))
    assert running.glass.told.get(timeout=WAIT_S).startswith("The tray could not be set to start at login: ")


def test_quitting_stops_the_view(daemon: FakeDaemon, run: Run) -> None:
    running = run()
    running.tray.ask(Action(Verb.QUIT))
    assert running.glass.stopped.wait(WAIT_S)


# A daemon whose process runs, whose lock is held and whose port answers nothing.
SILENT_DAEMON = """
import os, signal, sys
from pathlib import Path
from mien_api import runtime_file
from mien_api.runtime_file import RuntimeFile

state = Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with runtime_file.held(state):
    runtime_file.write(state, RuntimeFile(int(sys.argv[2]), os.getpid(), "0", "token"))
    print("ready", flush=True)
    signal.pause()
"""


@pytest.fixture
def silent(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """A daemon that is there and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    command = [sys.executable, "-c", SILENT_DAEMON, str(tmp_path / "state"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_start_on_a_silent_daemon_ends_it_and_starts_another(silent: subprocess.Popen[str], run: Run) -> None:
    held_at_start: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def launch(folders: Folders) -> Any:
        held_at_start.put(runtime_file.is_held(folders.state))
        return never(folders)

    running = run(launch=launch)
    lines = running.glass.until(lambda state, _, __: state == IconState(Symbol.STOPPED))
    assert Action(Verb.START) in [getattr(line, "action", None) for line in lines]
    running.tray.ask(Action(Verb.START))
    assert held_at_start.get(timeout=WAIT_S) is False, "the silent one has let its folder go"
    assert silent.wait(WAIT_S) == 0, "it was asked, not killed"


def test_start_leaves_a_daemon_that_answers_alone(
    daemon: FakeDaemon, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """The click may come from a menu that is older than the daemon. No process has the fake's id: a signal fails."""
    running = run()
    running.glass.until_title("Mien · Idle")
    running.tray.ask(Action(Verb.START))
    running.tray.ask(Action(Verb.PAIR))
    daemon.was_asked("POST", "/v1/pair/window")
    assert running.glass.told.empty()
    assert "failed" not in caplog.text


def test_a_job_that_is_done_is_shown_with_its_picture_and_opens_the_page_on_it(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["/v1/jobs/a1/preview"] = b"a small jpeg"
    running = run()
    assert daemon.listeners.acquire(timeout=WAIT_S)
    daemon.tell("job", id="a1", state="done", problem=None)
    assert running.glass.told.get(timeout=WAIT_S) == "A job is done"
    assert running.glass.pictures.get(timeout=WAIT_S) == b"a small jpeg"
    (show,) = running.glass.buttons.get(timeout=WAIT_S)
    assert show.action is not None
    running.tray.ask(show.action)
    assert running.opened.get(timeout=WAIT_S).endswith("#code=abc&view=results&item=a1")
