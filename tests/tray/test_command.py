"""`mien tray`: each flag does one thing of the menu, every click has a command, and only running the tray loads it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mien_api import runtime_file
from mien_cli.main import build_parser, main
from mien_testing.scripted_daemon import Asked, run_scripted_daemon
from mien_tray.menu import Verb


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folders, on a Linux desktop."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("MIEN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, Any]:
    status = main(["tray", *flags, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_start_at_login_is_turned_on_and_off(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = home / ".config/autostart/mien-tray.desktop"
    assert run(capsys, "--start-at-login", "on") == (0, {"start_at_login": True})
    assert str(home / "state") in entry.read_text(encoding="utf-8")
    assert run(capsys, "--start-at-login", "off") == (0, {"start_at_login": False})
    assert not entry.exists()


def test_a_start_at_login_that_cannot_be_set_says_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".config").write_text("a file", encoding="utf-8")
    status, problem = run(capsys, "--start-at-login", "on")
    assert (status, problem["code"]) == (1, "store-not-writable")
    assert problem["folder"].startswith(str(home / ".config"))


@pytest.mark.parametrize("category", ["finished", "failed", "pairing", "downloads"])
def test_each_notification_is_a_setting_of_the_daemon(
    category: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_scripted_daemon(home / "state") as daemon:
        changed = {f"notify_{category}": False}
        assert run(capsys, f"--notify-{category}", "off") == (0, changed)
        assert daemon.asked == [Asked("PUT", "/v1/settings", changed)]


def test_ending_what_does_not_run_is_quick_and_done(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--quit") == (0, {"ended": {"tray": True}})
    assert run(capsys, "--quit-all") == (0, {"ended": {"tray": True, "daemon": True}})


def test_a_second_tray_on_the_same_folder_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with runtime_file.held(home / "state" / "tray"):
        status, problem = run(capsys)
    assert (status, problem["code"]) == (1, "already-running")


def test_two_flags_at_once_are_wrong_usage(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--quit", "--quit-all")[0] == 2


def test_explaining_the_command_loads_neither_pystray_nor_pictures() -> None:
    code = (
        "import sys; from mien_cli.main import build_parser; build_parser('tray').format_help();"
        "sys.exit(', '.join({'pystray', 'PIL', 'mien_tray.app'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# A download is paused by the keys that end any command; the window for pairing is shut by `mien pair` itself.
COMMANDS: dict[Verb, tuple[str, ...]] = {
    Verb.OPEN: ("open",),
    Verb.CANCEL: ("jobs", "cancel", "0123"),
    Verb.PAUSE: ("jobs", "pause"),
    Verb.DOWNLOAD: ("models", "pull", "starter"),
    Verb.PAUSE_DOWNLOAD: ("models", "pull", "starter"),
    Verb.PAIR: ("pair",),
    Verb.CLOSE_PAIRING: ("pair",),
    Verb.APPROVE: ("pair",),
    Verb.REFUSE: ("pair",),
    Verb.UNLOAD: ("jobs", "unload"),
    Verb.RESTART_WORKER: ("jobs", "restart"),
    Verb.NOTIFY: ("tray", "--notify-finished", "off"),
    Verb.LOGIN: ("tray", "--start-at-login", "on"),
    Verb.START: ("serve",),
    Verb.QUIT: ("tray", "--quit"),
    Verb.QUIT_ALL: ("tray", "--quit-all"),
}


@pytest.mark.parametrize("verb", Verb)
def test_every_click_has_a_command(verb: Verb) -> None:
    words = COMMANDS[verb]
    assert callable(build_parser(words[0]).parse_args(words).run)
