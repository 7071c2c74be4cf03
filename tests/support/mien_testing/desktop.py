"""A desktop for tests of the tray: a screen, a session bus, and a person's folders.

Sockets lie in a short folder of their own, because the path of one has 107 bytes at most.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_testing.installed_engines import link_engines
from mien_testing.panel import NOTIFICATIONS, WAIT_S, until
from mien_tray.icon_image import IconState, Symbol, draw

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
config = Config.load({"port": 0, "devices": "cpu"}, state_dir=sys.argv[1], models_dir=sys.argv[2])
asyncio.run(serve(replace(config, worker="mien_testing.runtime:fake_runtime")))
"""


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
        models = self.home / "models"
        link_engines(models)
        process = self.start(sys.executable, "-c", OBEDIENT_DAEMON, str(self.state), str(models))
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
def open_display(size: str = "640x400") -> Generator[str]:
    """The DISPLAY of an X server with nothing on it, at a number that it picks."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    try:
        yield f":{number}"
    finally:
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
