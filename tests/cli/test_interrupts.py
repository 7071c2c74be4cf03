"""Ctrl-C is never lost: wherever it falls, the command ends with its status, and files are whole or not there."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mien_cli.interrupts import NAMES, SAME_WISH_S, Interrupts
from mien_cli.main import main
from mien_models.store import ModelStore

MIEN = [sys.executable, "-m", "mien_cli"]


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    """Interrupts that hear this process's signals for a test."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before, hook = {number: signal.getsignal(number) for number in numbers}, sys.unraisablehook
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)  # whoever started the tests may have them ignore some: `nohup` does
    made = Interrupts()
    made.watch()
    yield made
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_raised_at_once_and_remembered(name: str, status: int, interrupts: Interrupts) -> None:
    assert interrupts.status == 0
    interrupts.check()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(getattr(signal, name))
    assert interrupts.status == status
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def by_callback() -> None:
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()


def by_finaliser() -> None:
    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    Finalised()


@pytest.mark.parametrize("drop", [by_callback, by_finaliser])
def test_a_signal_that_a_library_drops_is_noticed_at_the_next_step_and_nothing_is_printed(
    drop: Callable[[], None], interrupts: Interrupts, capsys: pytest.CaptureFixture[str]
) -> None:
    drop()
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_the_same_wish_said_twice_does_not_break_off_the_tidying_up(
    interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    now[0] += SAME_WISH_S / 2
    signal.raise_signal(signal.SIGTERM)
    now[0] += SAME_WISH_S
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert interrupts.status == 130


def test_a_signal_that_the_shell_told_us_to_ignore_is_ignored() -> None:
    code = "from mien_cli.interrupts import *; import signal; INTERRUPTS.watch(); signal.raise_signal(signal.SIGINT)"
    ignoring = ["bash", "-c", "trap '' INT; exec \"$@\"", "bash", sys.executable, "-c", code]
    assert subprocess.run(ignoring, check=False).returncode == 0


def test_an_interruption_that_was_dropped_is_the_status_whatever_came_of_the_work(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library that dropped it may fail for it; the refusal is then not the reason."""
    from mien_cli import main as program
    from mien_cli.commands import plan
    from mien_core.errors import MarkingFailed

    def fail(_: object) -> int:
        raise MarkingFailed("no credentials could be made")

    def succeed(_: object) -> int:
        return 0

    for run in (fail, succeed):
        interrupts = Interrupts()
        monkeypatch.setattr(program, "INTERRUPTS", interrupts)
        monkeypatch.setattr(plan, "run", run)
        with pytest.raises(KeyboardInterrupt):
            interrupts.hear(signal.SIGINT, None)
        assert main(["plan", "--vram", "24"]) == 130
        assert capsys.readouterr() == ("", "interrupted\n")


def test_after_the_last_step_a_signal_ends_the_process_at_once() -> None:
    code = (
        "from mien_cli.interrupts import *; import signal, sys; INTERRUPTS.watch(); INTERRUPTS.end()\n"
        "signal.raise_signal(signal.SIGTERM); print('went on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_waits_for_its_input_is_ended_by_a_signal(number: signal.Signals, folders: Path) -> None:
    os.mkfifo("pipe.jpg")
    with subprocess.Popen([*MIEN, "verify", "pipe.jpg"], stderr=subprocess.PIPE) as waiting:
        pipe = os.open("pipe.jpg", os.O_WRONLY)  # returns when the command has opened it as well
        waiting.send_signal(number)
        assert waiting.stderr is not None
        assert waiting.stderr.read() == b"interrupted\n"
        os.close(pipe)
    assert waiting.returncode == 128 + number


@pytest.mark.slow
def test_a_swap_ends_by_ctrl_c_wherever_it_falls_also_in_what_a_library_calls_back(
    here: Path, models: ModelStore
) -> None:
    """A few moments of some hundred thousand, half of them in callbacks; by hand, some hundreds were tried."""
    words = ["swap", "grace_hopper.jpg", "--face", "astronaut.png", "-o", "out.jpg", "--local"]
    command = [sys.executable, "-m", "mien_testing.interrupted", "4", "--warm", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 in callbacks, 0 bad" in done.stdout


def test_an_interruption_that_came_without_a_signal_ends_with_130_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien_cli import main as program
    from mien_cli.__main__ import run

    def interrupt() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "main", interrupt)
    assert run() == 130
