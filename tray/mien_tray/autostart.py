"""Starting the tray at login: off until the person turns it on; turning it off removes everything that was written.

| Where | What is written |
|---|---|
| a Linux desktop | an XDG autostart entry |
| Linux without a screen | a systemd user unit, wanted by default.target |
| macOS | a LaunchAgent |
| Windows | a logon task of this user, without more rights; where that is refused, a value of the Run key |

Imports that only one system needs are made where it needs them, to keep the tray small.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mien_core.program import command_for
from mien_core.windows import Run, run_quietly

NAME = "mien-tray"
LABEL = "org.mien.tray"
TASK = "Mien tray"
RUN_KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run"
TASK_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


class Autostart(Protocol):
    """One way to be started at login."""

    def is_on(self) -> bool: ...

    def turn_on(self) -> None:
        """Raises OSError when the system refuses; its text is the reason."""
        ...

    def turn_off(self) -> None:
        """Raises OSError when the system refuses; its text is the reason."""
        ...


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that the session reads at login; `wanted_by` is a link to it that some readers need."""

    path: Path
    content: bytes
    wanted_by: Path | None = None

    def is_on(self) -> bool:
        return self.path.exists() and (self.wanted_by is None or self.wanted_by.is_symlink())

    def turn_on(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.content)
        if self.wanted_by is not None:
            self.wanted_by.parent.mkdir(parents=True, exist_ok=True)
            self.wanted_by.unlink(missing_ok=True)
            self.wanted_by.symlink_to(self.path)

    def turn_off(self) -> None:
        if self.wanted_by is not None:
            self.wanted_by.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LogonTask:
    """A task of the Windows scheduler."""

    definition: bytes
    run: Run

    def is_on(self) -> bool:
        return self.run(["schtasks", "/Query", "/TN", TASK]) == 0

    def turn_on(self) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "task.xml"
            written.write_bytes(self.definition)
            self._do("/Create", "/TN", TASK, "/XML", str(written), "/F")

    def turn_off(self) -> None:
        if self.is_on():
            self._do("/Delete", "/TN", TASK, "/F")

    def _do(self, *words: str) -> None:
        if status := self.run(["schtasks", *words]):
            raise OSError(f"schtasks {words[0]} ended with status {status}")


@dataclass(frozen=True, slots=True)
class RunKey:
    """A value of this user's Run key in the Windows registry. Source: learn.microsoft.com, "Run and RunOnce"."""

    command: str
    run: Run

    def is_on(self) -> bool:
        return self.run(["reg", "QUERY", RUN_KEY, "/v", TASK]) == 0

    def turn_on(self) -> None:
        self._do("ADD", "/t", "REG_SZ", "/d", self.command, "/f")

    def turn_off(self) -> None:
        if self.is_on():
            self._do("DELETE", "/f")

    def _do(self, verb: str, *more: str) -> None:
        if status := self.run(["reg", verb, RUN_KEY, "/v", TASK, *more]):
            raise OSError(f"reg {verb} ended with status {status}")


@dataclass(frozen=True, slots=True)
class FirstThatWorks:
    """A logon task, or the Run key where a policy refuses tasks to people who are not administrators."""

    ways: tuple[Autostart, ...]

    def is_on(self) -> bool:
        return any(way.is_on() for way in self.ways)

    def turn_on(self) -> None:
        self.turn_off()
        for way in self.ways[:-1]:
            with suppress(OSError):
                return way.turn_on()
        return self.ways[-1].turn_on()

    def turn_off(self) -> None:
        for way in self.ways:
            way.turn_off()


def choose_autostart(
    folders: Sequence[str] = (),
    platform: str = sys.platform,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
    run: Run = run_quietly,
) -> Autostart:
    """The way of this system. `folders` are the flags that name other folders than the usual ones."""
    at = home or Path.home()
    started = [*build_command(platform), "--at-login", *folders]
    if platform == "win32":
        task = build_logon_task(started, f"{environ['USERDOMAIN']}\\{environ['USERNAME']}")
        return FirstThatWorks((LogonTask(task, run), RunKey(subprocess.list2cmdline(started), run)))
    if platform == "darwin":
        return WrittenFile(at / "Library/LaunchAgents" / f"{LABEL}.plist", build_launch_agent(started))
    config = Path(environ.get("XDG_CONFIG_HOME") or at / ".config")
    if has_screen(environ):
        return WrittenFile(config / "autostart" / f"{NAME}.desktop", build_desktop_entry(started))
    units = config / "systemd/user"
    unit = f"{NAME}.service"
    return WrittenFile(units / unit, build_user_unit(started), units / "default.target.wants" / unit)


def has_screen(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def build_command(platform: str = sys.platform) -> list[str]:
    """How the tray is started again."""
    return command_for("tray", platform)


def build_desktop_entry(words: Sequence[str]) -> bytes:
    """Source: the Desktop Entry Specification 1.5, with its two layers of quoting in Exec."""
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Name=Mien",
        "Comment=Local face swaps: the tray and its daemon",
        f"Exec={' '.join(quote_for_desktop(word) for word in words)}",
        "Terminal=false",
        "NoDisplay=true",
        "X-GNOME-Autostart-enabled=true",
    )
    return ("\n".join(lines) + "\n").encode()


def quote_for_desktop(word: str) -> str:
    """An argument for Exec: quoted, then escaped as every string value is, with per cent signs doubled."""
    quoted = "".join(f"\\{char}" if char in '"`$\\' else char for char in word)
    return '"' + quoted.replace("\\", "\\\\").replace("%", "%%") + '"'


def build_user_unit(words: Sequence[str]) -> bytes:
    """Source: systemd.service(5), "Command lines"."""
    lines = (
        "[Unit]",
        "Description=Mien: local face swaps, the tray and its daemon",
        "",
        "[Service]",
        f"ExecStart={' '.join(quote_for_unit(word) for word in words)}",
        "Restart=on-failure",
        "RestartSec=5",
        # The daemon is the tray's child and outlives it.
        "KillMode=process",
        "",
        "[Install]",
        "WantedBy=default.target",
    )
    return ("\n".join(lines) + "\n").encode()


def quote_for_unit(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def build_launch_agent(words: Sequence[str]) -> bytes:
    """Source: launchd.plist(5)."""
    import plistlib

    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(words),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
            "AbandonProcessGroup": True,  # the daemon outlives the tray
        }
    )


def build_logon_task(words: Sequence[str], user: str) -> bytes:
    """Source: Task Scheduler Schema 1.2. UTF-16, because schtasks reads nothing else."""
    from xml.etree import ElementTree as ET

    ET.register_namespace("", TASK_SPACE)
    task = ET.Element(f"{{{TASK_SPACE}}}Task", version="1.2")

    def add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
        made = ET.SubElement(parent, f"{{{TASK_SPACE}}}{name}", attributes)
        made.text = text
        return made

    trigger = add(add(task, "Triggers"), "LogonTrigger")
    add(trigger, "UserId", user)
    principal = add(add(task, "Principals"), "Principal", id="Author")
    add(principal, "UserId", user)
    add(principal, "LogonType", "InteractiveToken")
    add(principal, "RunLevel", "LeastPrivilege")
    settings = add(task, "Settings")
    add(settings, "DisallowStartIfOnBatteries", "false")
    add(settings, "StopIfGoingOnBatteries", "false")
    add(settings, "ExecutionTimeLimit", "PT0S")
    action = add(add(task, "Actions", Context="Author"), "Exec")
    add(action, "Command", words[0])
    add(action, "Arguments", subprocess.list2cmdline(words[1:]))
    return bytes(ET.tostring(task, encoding="utf-16", xml_declaration=True))
