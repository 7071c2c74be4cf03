"""A daemon is started once, outlives who started it, and says why when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import pytest

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_api.errors import AlreadyRunning, PortInUse
from mien_api.folders import Folders
from mien_api.runtime_file import RuntimeFile
from mien_api.start_daemon import StartedDaemon, serve_command, start_daemon, wait_until_ready
from mien_api.stop_daemon import stop_daemon
from mien_core import program
from mien_core.errors import DaemonUnreachable, OutputNotWritable
from mien_testing.stand_in import returning

pytestmark = pytest.mark.slow

Start = Callable[[str], StartedDaemon]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders.find(tmp_path / "state", tmp_path / "models")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Start]:
    """A daemon that is one line of Python; it is ended after the test."""
    started: list[StartedDaemon] = []

    def starting(code: str) -> StartedDaemon:
        monkeypatch.setattr("mien_api.start_daemon.serve_command", returning([sys.executable, "-c", code]))
        started.append(StartedDaemon(tmp_path / "state", tmp_path / "models", tmp_path / "logs"))
        return started[-1]

    yield starting
    for one in started:
        one.kill()


def wait_for(started: StartedDaemon) -> None:
    """Until the process has ended; its status stays to be asked for."""
    os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)


# ── a real one ───────────────────────────────────────────────────────────────────────────────────────────────


START = """
import sys
from mien_api.folders import Folders
from mien_api.start_daemon import start_daemon
print(start_daemon(Folders.find(sys.argv[1]), ["--port=0"], timeout_s=60).pid)
"""


def test_a_started_daemon_is_ready_and_outlives_the_program_that_started_it(folders: Folders) -> None:
    done = subprocess.run([sys.executable, "-c", START, folders.state], capture_output=True, text=True, check=True)
    try:
        assert DaemonClient.running(folders.state).request("GET", "/v1/hello") == {"name": "mien", "api": 1}
        assert "ready" in (folders.logs / "daemon.log").read_text(encoding="utf-8")
        with pytest.raises(AlreadyRunning) as refused:
            start_daemon(folders)
        assert refused.value.fields == {"state_dir": str(folders.state)}
        # As on Windows: by the API alone, and it ends as cleanly as after a signal.
        assert stop_daemon(folders.state, platform="win32", send=lambda *_: pytest.fail("it was asked, and must end"))  # pyright: ignore[reportUnknownLambdaType]
        assert not (folders.state / runtime_file.NAME).exists()
    finally:
        with suppress(ProcessLookupError):
            os.kill(int(done.stdout), signal.SIGTERM)


def test_the_daemons_own_reason_is_raised(folders: Folders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as refused:
            start_daemon(folders, [f"--port={port}"], timeout_s=60)
    assert refused.value.fields["port"] == port


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputNotWritable) as refused:
        start_daemon(Folders.find(tmp_path / "file" / "state"))
    assert refused.value.fields["file"] == str(tmp_path / "file" / "state")


# ── what it is started with ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_names_both_folders_and_asks_for_reasons_in_json(tmp_path: Path) -> None:
    words = serve_command(tmp_path / "state", tmp_path / "models", ["--offline"])
    assert words[:7] == [sys.executable, "-P", "-m", "mien_cli", "serve", "--foreground", "--json"]
    assert words[words.index("--state-dir") + 1] == str(tmp_path / "state")
    assert words[words.index("--models-dir") + 1] == str(tmp_path / "models")
    assert words[-1] == "--offline"


def test_a_frozen_program_starts_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "is_frozen", lambda: True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "mien"))
    assert serve_command(tmp_path, tmp_path)[:2] == [sys.executable, "serve"]


def test_it_has_a_session_of_its_own_and_no_terminal(start: Start) -> None:
    started = start("import os, sys; sys.stderr.write(f'{os.getsid(0)} {os.getcwd()} {sys.stdin.read()!r}')")
    wait_for(started)
    assert started.log.read_text(encoding="utf-8") == f"{started.pid} / ''"


def test_what_it_logs_is_added_to_what_earlier_ones_logged(start: Start) -> None:
    for word in ("first ", "second"):
        wait_for(start(f"import sys; sys.stderr.write({word!r})"))
    assert start("pass").log.read_text(encoding="utf-8") == "first second"


# ── how it ended ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_running_daemon_has_no_status_and_no_reason(start: Start) -> None:
    started = start("import sys, time; time.sleep(600)")
    assert (started.status, started.why_ended()) == (None, None)
    started.kill()
    assert started.status == -signal.SIGKILL


@pytest.mark.parametrize("printed", ["", "no document", "[1]", '{"port": 6436}'])
def test_a_daemon_that_gives_no_reason_has_its_status_and_its_log(start: Start, printed: str) -> None:
    started = start(f"import sys; print({printed!r}); sys.exit(3)")
    wait_for(started)
    assert started.why_ended() == {"status": 3, "log": str(started.log)}
    assert started.why_ended() == {"status": 3, "log": str(started.log)}, "asked twice"


def test_a_daemon_that_ends_before_it_is_ready_is_not_waited_for(start: Start, tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(DaemonUnreachable, match="ended while it started") as refused:
        wait_until_ready(tmp_path, start("raise SystemExit(3)"), timeout_s=60)
    assert refused.value.fields == {"status": 3, "log": str(tmp_path / "logs" / "daemon.log")}
    assert time.monotonic() - before < 50


def test_the_daemons_own_reason_comes_with_the_place_of_its_log(start: Start, tmp_path: Path) -> None:
    problem = json.dumps({"code": "port-in-use", "detail": "port 6436 cannot be had", "port": 6436})
    with pytest.raises(PortInUse, match="port 6436") as refused:
        wait_until_ready(tmp_path, start(f"print({problem!r}); raise SystemExit(1)"), timeout_s=60)
    assert refused.value.fields == {"port": 6436, "log": str(tmp_path / "logs" / "daemon.log")}


def test_a_daemon_that_is_never_ready_is_given_up(start: Start, tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match="not ready after 0 s") as refused:
        wait_until_ready(tmp_path, start("import time; time.sleep(600)"), timeout_s=0.1)
    assert refused.value.fields == {"log": str(tmp_path / "logs" / "daemon.log")}


def test_another_daemon_is_not_taken_for_ours(start: Start, tmp_path: Path) -> None:
    started = start("import time; time.sleep(600)")
    with runtime_file.held(tmp_path):
        runtime_file.write(tmp_path, RuntimeFile(1, started.pid + 1, "0", "token"))
        with pytest.raises(DaemonUnreachable):
            wait_until_ready(tmp_path, started, timeout_s=0.1)
        ours = RuntimeFile(1, started.pid, "0", "token")
        runtime_file.write(tmp_path, ours)
        assert wait_until_ready(tmp_path, started, timeout_s=60) == ours
