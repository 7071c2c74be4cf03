"""A daemon is asked to end before anything ends it, and only on Windows is it ended in the end."""

import signal
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from mien_api import runtime_file
from mien_api.runtime_file import RuntimeFile
from mien_api.stop_daemon import stop_daemon
from mien_testing.network import closed_port

PID = 4321


@pytest.fixture
def deaf(tmp_path: Path) -> Generator[threading.Event]:
    """A daemon that holds the folder and answers nothing; it ends once the event is set."""
    ended, held = threading.Event(), threading.Event()

    def hold() -> None:
        with runtime_file.held(tmp_path), closed_port() as port:
            runtime_file.write(tmp_path, RuntimeFile(port, PID, "1", "token"))
            held.set()
            ended.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    yield ended
    ended.set()
    thread.join()


def test_a_folder_without_a_daemon_is_free_already(tmp_path: Path) -> None:
    assert stop_daemon(tmp_path, send=lambda pid, number: pytest.fail("no process was named"))


def test_where_there_are_signals_one_is_sent_and_no_other(tmp_path: Path, deaf: threading.Event) -> None:
    sent: list[tuple[int, int]] = []
    assert not stop_daemon(tmp_path, 0.05, platform="linux", send=lambda *what: sent.append(what))  # pyright: ignore[reportUnknownLambdaType]
    assert sent == [(PID, signal.SIGTERM)]
    assert stop_daemon(tmp_path, platform="linux", send=lambda *_: deaf.set())  # pyright: ignore[reportUnknownLambdaType]


def test_on_windows_a_daemon_that_does_not_answer_is_ended_in_the_end(tmp_path: Path, deaf: threading.Event) -> None:
    """TerminateProcess is all that `os.kill` is there, so it comes last."""
    sent: list[tuple[int, int]] = []

    def terminate(pid: int, number: int) -> None:
        sent.append((pid, number))
        deaf.set()

    # The first wait is over as soon as its clock is; the second, for what was ended, takes as long as that may.
    now = iter([0.0, 1.0])
    assert stop_daemon(tmp_path, 0.05, lambda: next(now, 0.0), platform="win32", send=terminate)
    assert sent == [(PID, signal.SIGTERM)]
