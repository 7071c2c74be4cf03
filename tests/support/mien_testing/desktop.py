"""A desktop for tests of the tray: a screen, a session bus, a panel with icons and a service for notifications.

The panel keeps the StatusNotifierItem protocol and reads menus as panels do, over com.canonical.dbusmenu; it has no
pixels of its own. Sockets lie in a short folder of their own, because the path of one has 107 bytes at most.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, cast

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    Properties,
    new_error,
    new_method_call,
    new_method_return,
)
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_tray.icon_image import IconState, Symbol, draw

WAIT_S = 30.0  # a busy machine of two cores; what is waited for takes well under a second

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
NOTIFICATIONS = "org.freedesktop.Notifications"

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
BROKEN_SERVICE = f"[D-BUS Service]\nName={NOTIFICATIONS}\nExec=/bin/false\n"
# What a person's BROWSER is here: it keeps the address that it was given.
BROWSER = '#!/bin/sh\nprintf "%s\\n" "$1" >> "$(dirname "$0")/opened"\n'
# A daemon whose worker does as the prompt of a job says; `mien_testing.runtime` tells what it obeys.
OBEDIENT_DAEMON = """
import asyncio, sys
from dataclasses import replace
from mien_daemon.config import Config
from mien_daemon.server import serve
config = Config.load({"port": 0}, state_dir=sys.argv[1], models_dir=sys.argv[2])
asyncio.run(serve(replace(config, worker="mien_testing.runtime:fake_runtime")))
"""

T = TypeVar("T")


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, as soon as it finds something."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


@dataclass
class PanelLine:
    """A line of a menu as a panel gets it."""

    number: int
    label: str
    enabled: bool
    ticked: bool | None
    below: "list[PanelLine]" = field(default_factory=list["PanelLine"])

    @classmethod
    def read(cls, node: tuple[int, Mapping[str, tuple[str, Any]], Sequence[tuple[str, Any]]]) -> "PanelLine":
        number, properties, below = node
        values = {name: value for name, (_, value) in properties.items()}
        return cls(
            number,
            str(values.get("label", "─" if values.get("type") == "separator" else "")),
            bool(values.get("enabled", True)),
            bool(values["toggle-state"]) if values.get("toggle-type") else None,
            [cls.read(child) for _, child in below],
        )

    def find(self, *path: str) -> "PanelLine | None":
        """The line whose label begins so, below the line whose label begins so, …"""
        if not path:
            return self
        for line in self.below:
            if line.label.startswith(path[0]):
                return line.find(*path[1:])
        return None


class Panel:
    """A status notifier host and a notification service, each on a connection of its own."""

    def __init__(self, bus: str, *, notifies: bool = True) -> None:
        self._bus = bus
        self.registered: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.notified: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._asking = open_dbus_connection(bus)
        self._item: tuple[str, str] | None = None
        names = (WATCHER, NOTIFICATIONS) if notifies else (WATCHER,)
        self._servers = [open_dbus_connection(bus) for _ in names]
        for connection, name in zip(self._servers, names, strict=True):
            connection.send_and_get_reply(message_bus.RequestName(name))
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    # ── what a test looks at ──

    def item(self) -> tuple[str, str]:
        """The bus name and path of the icon, as soon as there is one."""
        if self._item is None:
            self._item = self.registered.get(timeout=WAIT_S)
        return self._item

    def property(self, name: str) -> Any:
        owner, path = self.item()
        reply = self._ask(Properties(DBusAddress(path, owner, ITEM)).get(name))
        return reply[0][1]

    def title(self) -> str:
        return str(self.property("Title"))

    def menu(self) -> PanelLine:
        """The whole menu as it is now."""
        address = self._menu_address()
        self._ask(new_method_call(address, "AboutToShow", "i", (0,)))
        _, root = self._ask(new_method_call(address, "GetLayout", "iias", (0, -1, [])))
        return PanelLine.read(root)

    def line(self, *path: str) -> PanelLine:
        return until(lambda: self.menu().find(*path), f"the menu line {path}")

    def click(self, *path: str) -> None:
        """Click a line as soon as it can be clicked; a menu that is replaced in between is read again."""
        until(lambda: self._clicked(*path), f"a click on the menu line {path}")

    def _clicked(self, *path: str) -> bool:
        found = self.menu().find(*path)
        if found is None or not found.enabled:
            return False
        event = (found.number, "clicked", ("i", 0), 0)
        reply = self._asking.send_and_get_reply(new_method_call(self._menu_address(), "Event", "isvu", event))
        return reply.header.message_type is not MessageType.error

    def is_told(self, text: str) -> None:
        """Wait for a notification with these words; others before it are taken too."""
        seen: list[str] = []
        while not seen or text not in seen[-1]:
            try:
                seen.append(self.notified.get(timeout=WAIT_S))
            except queue.Empty:
                raise AssertionError(f"no notification {text!r}, only {seen}") from None

    def forget(self) -> None:
        """Every notification so far."""
        while not self.notified.empty():
            self.notified.get()

    def _menu_address(self) -> DBusAddress:
        owner, _ = self.item()
        return DBusAddress(str(self.property("Menu")), owner, MENU)

    def _ask(self, message: Message) -> Any:
        reply = self._asking.send_and_get_reply(message, timeout=WAIT_S)
        if reply.header.message_type is MessageType.error:
            raise AssertionError(reply.body)
        return reply.body

    # ── what the panel does ──

    def _serve(self, connection: Any) -> None:
        while True:
            try:
                message = connection.receive()
            except (ConnectionError, OSError, ValueError):
                return
            if message.header.message_type is MessageType.method_call:
                connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        fields, body = message.header.fields, message.body
        match fields[HeaderFields.member]:
            case "RegisterStatusNotifierItem":
                path = body[0] if body[0].startswith("/") else "/StatusNotifierItem"
                self.registered.put((fields[HeaderFields.sender], path))
                return new_method_return(message)
            case "Get":
                values = {"IsStatusNotifierHostRegistered": ("b", True), "ProtocolVersion": ("i", 0)}
                return new_method_return(message, "v", (values[body[1]],))
            case "GetAll":
                host = {"IsStatusNotifierHostRegistered": ("b", True), "RegisteredStatusNotifierItems": ("as", [])}
                return new_method_return(message, "a{sv}", (host,))
            case "Notify":
                self.notified.put(f"{body[3]}: {body[4]}")
                return new_method_return(message, "u", (1,))
            case member:
                return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (member,))

    def close(self) -> None:
        for connection in (*self._servers, self._asking):
            connection.close()


@dataclass
class Desk:
    """A home with a screen and a bus, in which trays and daemons are started."""

    home: Path
    environ: dict[str, str]
    processes: ExitStack
    state: Path

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A process of this desk, with stdout and stderr in a log; ended with the desk."""
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(words, env=self.environ, stdout=log, stderr=log, start_new_session=True)
        self.processes.callback(end, process)
        return process

    def tray(self, *flags: str) -> subprocess.Popen[bytes]:
        return self.start(sys.executable, "-m", "mien_tray", *self.folders, *flags)

    def mien(self, *words: str) -> subprocess.Popen[bytes]:
        """The `mien` command."""
        return self.start(sys.executable, "-m", "mien_cli", *words, *self.folders)

    def told(self, *words: str) -> Any:
        """What the `mien` command answers with --json."""
        command = [sys.executable, "-m", "mien_cli", *words, *self.folders, "--json"]
        return json.loads(subprocess.run(command, env=self.environ, capture_output=True, check=False).stdout)

    def obedient_daemon(self) -> DaemonClient:
        models = str(self.home / "models")
        process = self.start(sys.executable, "-c", OBEDIENT_DAEMON, str(self.state), models)
        return self.daemon(process.pid)

    def daemon(self, pid: int | None = None) -> DaemonClient:
        """The daemon of this desk, or that of this process, as soon as it is ready."""
        return DaemonClient(*until(lambda: self.ready(pid), "a daemon that is ready"))

    def ready(self, pid: int | None = None) -> tuple[int, str] | None:
        found = runtime_file.read(self.state)
        return (found.port, found.token) if found and (pid is None or found.pid == pid) else None

    @property
    def daemon_pid(self) -> int:
        return until(lambda: runtime_file.read(self.state), "a daemon that is ready").pid

    @property
    def folders(self) -> tuple[str, ...]:
        return "--state-dir", str(self.state), "--models-dir", str(self.home / "models")

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def opened(self) -> list[str]:
        """The addresses that the browser was started with."""
        kept = self.home / "opened"
        return kept.read_text(encoding="utf-8").split() if kept.exists() else []


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def open_screen() -> Generator[str]:
    """The DISPLAY of an X server with nothing on it."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x400x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    yield f":{number}"
    end(server)


@contextmanager
def open_bus(folder: Path) -> Generator[str]:
    """The address of a session bus that starts no service of the machine's."""
    (folder / "services").mkdir()
    config = folder / "bus.conf"
    config.write_text(BUS.format(folder=folder), encoding="utf-8")
    daemon = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with cast("Any", daemon.stdout) as said:
        address = said.readline().strip()
        yield address
        daemon.terminate()
        daemon.wait()


@contextmanager
def open_desk(screen: str) -> Generator[Desk]:
    """A desk of its own; whatever was started there has ended after it."""
    home = Path(tempfile.mkdtemp(prefix="mien-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        address = stack.enter_context(open_bus(home))
        browser = home / "browser"
        browser.write_text(BROWSER, encoding="utf-8")
        browser.chmod(0o700)
        state = home / "state"
        state.mkdir(mode=0o700)
        (state / "settings.json").write_text(json.dumps({"port": 0}), encoding="utf-8")
        kept = {"PATH", "VIRTUAL_ENV", "PYTHONPATH"}
        environ = {name: value for name, value in os.environ.items() if name in kept} | {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "DISPLAY": screen,
            "DBUS_SESSION_BUS_ADDRESS": address,
            "BROWSER": f"{browser} %s",
            "NO_AT_BRIDGE": "1",
        }
        stack.callback(end_daemon, state)
        processes = stack.enter_context(ExitStack())
        yield Desk(home, environ, processes, state)


def end_daemon(state: Path) -> None:
    """A daemon that a tray has started outlives it."""
    if (found := runtime_file.read(state)) is not None:
        os.kill(found.pid, signal.SIGTERM)
        until(lambda: not runtime_file.is_held(state), "the daemon's end")


def swap(daemon: DaemonClient, orders: str = "") -> Mapping[str, Any]:
    """A job that the worker of `Desk.obedient_daemon` does as ordered."""
    picture = BytesIO()
    draw(IconState(Symbol.IDLE), 8).save(picture, "png")
    blob = daemon.put_blob(picture.getvalue())
    options = {"engine": "flux", "prompt": orders}
    return daemon.post_job({"kind": "swap", "target": blob, "reference": blob, "options": options})
