"""Starting at login is off until asked for, means exactly this tray, and is gone without a trace when taken back."""

import json
import plistlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mien_tray.autostart import (
    TASK,
    TASK_SPACE,
    WrittenFile,
    build_command,
    choose_autostart,
    quote_for_desktop,
    quote_for_unit,
)

SCREEN = {"DISPLAY": ":0"}
# Everything that one of the formats gives a meaning to.
AWKWARD = ["--state-dir", """/home/a b/100 % "of" $HOME/`it`\\'s; %h"""]


READ_WITH_GLIB = """
import json, sys
from mien_tray.desktop import load_library
print(json.dumps(load_library("GLib").shell_parse_argv(sys.argv[1])[1]))
"""


def written(home: Path, platform: str = "linux", environ: dict[str, str] | None = None) -> WrittenFile:
    found = choose_autostart(AWKWARD, platform, SCREEN if environ is None else environ, home)
    assert isinstance(found, WrittenFile)
    return found


@pytest.mark.parametrize(
    ("platform", "environ"), [("linux", SCREEN), ("linux", {}), ("darwin", {})], ids=["desktop", "no screen", "macOS"]
)
def test_it_is_off_then_on_then_gone(platform: str, environ: dict[str, str], tmp_path: Path) -> None:
    login = choose_autostart((), platform, environ, tmp_path)
    assert not login.is_on()
    login.turn_off()
    login.turn_on()
    login.turn_on()
    assert login.is_on()
    login.turn_off()
    assert not login.is_on()
    assert [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()] == []


def test_a_desktop_has_an_autostart_entry_where_the_person_keeps_configuration(tmp_path: Path) -> None:
    config = tmp_path / "elsewhere"
    login = written(tmp_path, environ={**SCREEN, "XDG_CONFIG_HOME": str(config)})
    assert login.path == config / "autostart/mien-tray.desktop"


def test_the_desktop_entry_starts_this_tray_whatever_its_folders_are_called(tmp_path: Path) -> None:
    """Read as desktops read it, with GLib: the string's escapes, then the quotes, then the field codes."""
    lines = dict(line.split("=", 1) for line in written(tmp_path).content.decode().splitlines()[1:])
    read = [sys.executable, "-c", READ_WITH_GLIB, lines["Exec"].replace("\\\\", "\\")]
    words = json.loads(subprocess.run(read, capture_output=True, check=True).stdout)
    assert [word.replace("%%", "%") for word in words] == [*build_command(), "--at-login", *AWKWARD]
    assert (lines["Type"], lines["Terminal"]) == ("Application", "false")


def test_a_backslash_in_exec_is_written_four_times() -> None:
    """Twice for the quotes, and that twice for the string: the specification's own example."""
    assert quote_for_desktop("\\") == '"' + "\\" * 4 + '"'


def test_systemd_takes_the_unit_and_reads_the_command_as_it_was_meant(tmp_path: Path) -> None:
    login = written(tmp_path, environ={})
    login.turn_on()
    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(login.path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert login.wanted_by is not None
    assert login.wanted_by.resolve() == login.path
    assert login.wanted_by.parent.name == "default.target.wants"


def test_the_unit_escapes_what_systemd_would_expand() -> None:
    assert quote_for_unit('a "b" $HOME %h \\') == '"a \\"b\\" $$HOME %%h \\\\"'


def test_the_launch_agent_says_the_same_when_it_is_read_back(tmp_path: Path) -> None:
    login = written(tmp_path, "darwin")
    read = plistlib.loads(login.content)
    assert read["ProgramArguments"] == [*build_command("darwin"), "--at-login", *AWKWARD]
    assert read["RunAtLoad"] is True
    assert "KeepAlive" not in read  # who quits the tray has quit it
    assert login.path == tmp_path / "Library/LaunchAgents" / f"{read['Label']}.plist"


class Scheduler:
    """What schtasks and the registry would keep; without elevation a policy may refuse tasks."""

    def __init__(self, refuses: bool = False, has_no_registry: bool = False) -> None:
        self.tasks: dict[str, bytes] = {}
        self.values: dict[str, str] = {}
        self.has_no_registry = has_no_registry
        self.refuses = refuses

    def __call__(self, words: Sequence[str]) -> int:
        if words[0] == "reg":
            return self.run_reg(*words[1:])
        program, verb, flag, name, *more = words
        assert (program, flag) == ("schtasks", "/TN")
        if verb == "/Query":
            return 0 if name in self.tasks else 1
        if self.refuses:
            return 5
        if verb == "/Create":
            self.tasks[name] = Path(more[1]).read_bytes()
            return 0
        return 0 if self.tasks.pop(name, None) else 1

    def run_reg(self, verb: str, key: str, _flag: str, name: str, *more: str) -> int:
        """`reg` answers 1 for a value that is not there."""
        assert key.startswith("HKCU\\")
        if verb == "ADD" and not self.has_no_registry:
            self.values[name] = more[more.index("/d") + 1]
            return 0
        if verb == "QUERY":
            return 0 if name in self.values else 1
        return 0 if self.values.pop(name, None) else 1


WINDOWS = {"USERDOMAIN": "HOME", "USERNAME": "ana"}


def test_windows_has_a_logon_task_of_this_user_with_no_more_rights() -> None:
    scheduler = Scheduler()
    login = choose_autostart(AWKWARD, "win32", WINDOWS, run=scheduler)
    assert not login.is_on()
    login.turn_off()
    login.turn_on()
    assert login.is_on()
    (definition,) = scheduler.tasks.values()
    task = ET.fromstring(definition)  # noqa: S314 it is our own
    found = {element.tag.removeprefix(f"{{{TASK_SPACE}}}"): element.text for element in task.iter()}
    assert definition[:2] in {b"\xff\xfe", b"\xfe\xff"}
    assert (found["UserId"], found["RunLevel"], found["LogonType"]) == (
        "HOME\\ana",
        "LeastPrivilege",
        "InteractiveToken",
    )
    assert found["Command"] == build_command("win32")[0]
    assert found["Arguments"] == subprocess.list2cmdline([*build_command("win32")[1:], "--at-login", *AWKWARD])
    login.turn_off()
    assert (scheduler.tasks, scheduler.values) == ({}, {})


def test_where_tasks_are_refused_a_value_of_the_run_key_starts_it() -> None:
    scheduler = Scheduler(refuses=True)
    login = choose_autostart(AWKWARD, "win32", WINDOWS, run=scheduler)
    login.turn_on()
    login.turn_on()
    assert login.is_on()
    assert scheduler.tasks == {}
    words = [*build_command("win32"), "--at-login", *AWKWARD]
    assert scheduler.values == {TASK: subprocess.list2cmdline(words)}
    scheduler.refuses = False
    login.turn_on()
    assert (list(scheduler.tasks), scheduler.values) == ([TASK], {})
    login.turn_off()
    assert not login.is_on()


def test_a_refusal_of_both_is_said() -> None:
    with pytest.raises(OSError, match="reg ADD ended with status 1"):
        choose_autostart((), "win32", WINDOWS, run=Scheduler(refuses=True, has_no_registry=True)).turn_on()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file", encoding="utf-8")
    login = choose_autostart((), "linux", SCREEN, tmp_path)
    with pytest.raises(OSError, match=r"autostart"):
        login.turn_on()
    assert not login.is_on()


def test_windows_starts_the_interpreter_that_opens_no_console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pythonw.exe").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python.exe"))
    assert build_command("win32") == [str(tmp_path / "pythonw.exe"), "-P", "-m", "mien_tray"]
    assert build_command("linux") == [str(tmp_path / "python.exe"), "-P", "-m", "mien_tray"]


def test_a_frozen_program_starts_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "mien"))
    assert build_command() == [sys.executable, "tray"]
