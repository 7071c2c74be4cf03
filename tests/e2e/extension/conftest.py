"""What the browsers meet: a screen of their own, a site with pictures, and a daemon that runs as it does at home."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest

from mien_api.client import DaemonClient
from mien_core.errors import MienError
from mien_models.store import ModelStore
from mien_testing.screen import Screen, open_screen
from mien_testing.site import Answer, Site, handler_for, png

HERE = Path(__file__).parent
EXTENSION = HERE.parents[2] / "extension"
PATIENCE_S = 120.0  # two slow cores that other things run on as well
REAL_S = 600.0  # networks that are loaded and run on them
MODELS = EXTENSION.parent / ".models"


class Until(Protocol):
    def __call__(self, claim: Callable[[], object], timeout_s: float = PATIENCE_S) -> Any: ...


@pytest.fixture(scope="session")
def until() -> Until:
    """Wait for what sends no event: the first true answer of `claim`."""

    def wait(claim: Callable[[], object], timeout_s: float = PATIENCE_S) -> Any:
        deadline = time.monotonic() + timeout_s
        while True:
            answer = claim()
            if answer:
                return answer
            assert time.monotonic() < deadline, f"{claim} did not come true within {timeout_s} s"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session", name="free_port")
def find_free_port() -> Callable[[], int]:
    return free_port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ── the screens ──


@pytest.fixture(scope="session")
def screen() -> Iterator[Screen]:
    with open_screen() as own:
        yield own


@pytest.fixture(scope="session")
def second_screen() -> Iterator[Screen]:
    """For what goes on beside the other tests."""
    with open_screen() as own:
        yield own


# ── the site ──


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    shown = Site(0)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(shown)) as server:
        server.daemon_threads = True
        shown.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        shown.picture("/face.png")
        yield shown
        server.shutdown()
        thread.join()


# ── the daemon ──


class DaemonProcess:
    """A daemon on a port of its own that can be killed, started again and told to hold its jobs."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._terminals: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(HERE), "MIEN_MODELS_DIR": str(MODELS)}
        log = (self.state.parent / "daemon.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "painter.py"), str(self.state), str(self.port)],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(lambda: DaemonClient.discover(self.state))

    def kill(self) -> None:
        """As a crash of the machine would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        for terminal in self._terminals:
            with terminal:
                terminal.kill()
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
            self._process = None

    @property
    def client(self) -> DaemonClient:
        client = DaemonClient.discover(self.state)
        assert client is not None
        return client

    @cached_property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "mien_cli"]

    def add_reference(self, name: str, picture: bytes) -> dict[str, Any]:
        """A face in the library, with the consent that it asks for."""
        words = {"picture": self.client.put_blob(picture), "name": name, "basis": "self", "adult": True}
        return self.client.request("POST", "/v1/references", words)

    picture = png((96, 96), (180, 110, 80))  # one face, to the painter
    couple = png((192, 96), (180, 110, 80))  # two

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.client.request("GET", "/v1/jobs")["jobs"])

    def clients(self) -> list[dict[str, Any]]:
        return list(self.client.request("GET", "/v1/clients")["clients"])

    def hold(self) -> None:
        """Keep every running job where it is."""
        (self.state / "hold").touch()

    def release(self) -> None:
        for order in ("hold", "real", *(path.name for path in self.state.glob("fail-*"))):
            (self.state / order).unlink(missing_ok=True)

    def refuse(self, code: str) -> None:
        (self.state / f"fail-{code}").touch()

    def swap_for_real(self) -> None:
        """From now on by the product's own pipeline."""
        (self.state / "real").touch()

    def mien(self, *words: str) -> "subprocess.Popen[str]":
        """The command line of the same person, to be read and answered."""
        command = [*self.command, *words, "--state-dir", str(self.state)]
        pipe = subprocess.PIPE
        terminal = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._terminals.append(terminal)
        return terminal

    @staticmethod
    def _wait(claim: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(MienError):
                if claim():
                    return
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def daemon_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("daemon") / "state")
    process.start()
    process.add_reference("Anna", png((96, 96), (200, 120, 90)))
    process.add_reference("Ben", png((96, 96), (60, 120, 90)))
    yield process
    process.stop()


def another_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """One whose jobs are held without holding anybody else's."""
    process = DaemonProcess(tmp_path_factory.mktemp("another-daemon") / "state")
    process.start()
    process.add_reference("Anna", png((96, 96), (200, 120, 90)))
    yield process
    process.stop()


@pytest.fixture(scope="session")
def second_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """For the long job in Chromium."""
    yield from another_daemon(tmp_path_factory)


@pytest.fixture(scope="session")
def third_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """For the long job in Firefox, which does not wait for Chromium's."""
    yield from another_daemon(tmp_path_factory)


@pytest.fixture
def daemon(daemon_process: DaemonProcess) -> Iterator[DaemonProcess]:
    """The daemon, with nothing held and nothing left running afterwards."""
    daemon_process.release()
    yield daemon_process
    daemon_process.release()


@dataclass(frozen=True)
class Portraits:
    """The two of `mien demo`."""

    target: bytes
    reference: bytes


@pytest.fixture(scope="session")
def portraits(models: ModelStore) -> Portraits:
    target, reference = (models.path("demo-portraits", name) for name in ("grace_hopper.jpg", "astronaut.png"))
    return Portraits(target.read_bytes(), reference.read_bytes())


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as it lies in the checkout, in a folder that no browser writes its own files beside."""
    folder = tmp_path_factory.mktemp("extension") / "mien"
    shutil.copytree(EXTENSION, folder)
    return folder


@pytest.fixture
def swap_a_portrait(site: Site, daemon: DaemonProcess, portraits: Portraits) -> Callable[[Any, str], None]:
    """A real face in a real page at a path of its own, swapped by whichever browser the person sits at."""

    def swapped(person: Any, path: str) -> None:
        reference = daemon.add_reference("Eileen", portraits.reference)
        person.choose(reference)
        site.answers["/portrait.jpg"] = Answer(portraits.target, "image/jpeg")
        page = person.open(site.page(path, "<img id=it src=/portrait.jpg alt=portrait>"))
        daemon.swap_for_real()
        person.swap(page, "#it")
        job = person.until(
            lambda: next((job for job in daemon.jobs() if job["state"] == "done" and is_of(job, reference)), None),
            REAL_S,
        )
        (face,) = job["result"]["faces"]
        assert face["swapped"]
        assert face["identity"]["to_reference"] > face["identity"]["before"]
        assert person.until(lambda: person.shows_result(page, "#it"))

    return swapped


def is_of(job: dict[str, Any], reference: dict[str, Any]) -> bool:
    return job["reference"] in (f"ref:{reference['id']}", [f"ref:{reference['id']}"])
