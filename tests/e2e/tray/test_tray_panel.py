"""The tray on a desktop, as a panel sees it: what it shows, what a click does, what it says.

Real processes: the tray, a daemon, its worker. The panel and the service for notifications keep the protocols.
"""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from PIL import Image

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_api.errors import Unpaired
from mien_daemon.access import handshake
from mien_testing.desktop import Desk, open_desk, swap
from mien_testing.panel import WAIT_S, Panel, until
from mien_tray.icon_image import BLUE, IconState, Symbol, clamp_to_step, draw

REMOTE = bytes(range(256)) * 400
NAME = "Chromium on Linux"
ORIGIN = "chrome-extension://" + "a" * 32


def icon_of(panel: Panel) -> Image.Image | None:
    """The picture that the panel would draw; None in the moment between two."""
    try:
        with Image.open(Path(panel.property("IconName"))) as picture:
            return picture.convert("RGBA")
    except OSError:
        return None


def shows(panel: Panel, look: IconState) -> bool:
    return icon_of(panel) == draw(look)


def percent(daemon: DaemonClient, job: Mapping[str, Any]) -> int:
    return round(100 * float(daemon.request("GET", f"/v1/jobs/{job['id']}")["progress"]))


def swap_at(daemon: DaemonClient, job: Mapping[str, Any]) -> str:
    return f"Swap: {percent(daemon, job)}%"


@dataclass
class Office:
    """A desk at which a tray is at work, with a daemon that does as it is told."""

    desk: Desk
    panel: Panel
    daemon: DaemonClient
    hub: "Hub"


@dataclass
class Hub:
    """Serves REMOTE, half of it at first; the rest when `go_on` is set."""

    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def office(screen: str) -> Generator[Office]:
    """One for all tests that leave it as they found it."""
    with open_desk(screen) as desk, serving() as (hub, url):
        catalogue = desk.home / "catalogue.toml"
        catalogue.write_text(own_catalogue(url), encoding="utf-8")
        desk.environ["MIEN_CATALOGUE"] = str(catalogue)
        panel = Panel(desk.environ["DBUS_SESSION_BUS_ADDRESS"])
        daemon = desk.obedient_daemon()
        desk.tray()
        until(lambda: panel.title() == "Mien · Idle", "an idle tray")
        yield Office(desk, panel, daemon, hub)
        panel.close()


@contextmanager
def serving() -> Generator[tuple[Hub, str]]:
    held = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first, _, last = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(REMOTE)), len(REMOTE) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(REMOTE)}")
            self.send_header("Content-Length", str(end + 1 - start))
            self.end_headers()
            half = (start + end + 1) // 2
            try:
                self.wfile.write(REMOTE[start:half])
                held.go_on.wait(WAIT_S)
                self.wfile.write(REMOTE[half : end + 1])
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield held, f"http://127.0.0.1:{server.server_port}/"
    held.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


def own_catalogue(url: str) -> str:
    digest = hashlib.sha256(REMOTE).hexdigest()
    return f"""
        [models.own-remote]
        title = "Their weights"
        version = "1"
        licence = "mit"
        source = {{ kind = "url", bases = ["{url}"] }}
        files = [{{ path = "remote.dat", format = "dlib", size = {len(REMOTE)}, sha256 = "{digest}" }}]
    """


def health(daemon: DaemonClient) -> Mapping[str, Any]:
    return daemon.request("GET", "/v1/health")


def tells_of(daemon: DaemonClient, category: str) -> bool:
    settings = daemon.request("GET", "/v1/settings")["settings"]
    return {one["name"]: bool(one["value"]) for one in settings}[f"notify_{category}"]


def kill_until_said(desk: Desk, panel: Panel) -> None:
    """The words stand only until the next start; a death that nobody saw is followed by a longer pause."""
    killed = 0

    def is_said() -> object:
        nonlocal killed
        if (found := runtime_file.read(desk.state)) is not None and found.pid != killed:
            killed = found.pid
            os.kill(killed, signal.SIGKILL)
        return panel.menu().find("The daemon ended with status -9")

    until(is_said, "why the daemon ended")


def test_a_daemon_is_started_and_started_again_when_it_dies_but_not_when_it_was_stopped(
    desk: Desk, panel: Panel
) -> None:
    tray = desk.tray()
    until(lambda: panel.title() == "Mien · Idle", "an idle tray")
    until(lambda: shows(panel, IconState(Symbol.IDLE)), "the icon of an idle tray")

    first = desk.daemon_pid
    kill_until_said(desk, panel)
    until(lambda: panel.title() == "Mien · Idle", "a daemon that was started again")
    assert desk.daemon_pid != first

    os.kill(desk.daemon_pid, signal.SIGTERM)
    panel.line("Mien is stopped")
    until(lambda: shows(panel, IconState(Symbol.STOPPED)), "the icon of a stopped daemon")
    assert panel.menu().find("Jobs") is None
    panel.click("Start Mien")
    until(lambda: panel.title() == "Mien · Idle", "a daemon that the person started")

    panel.click("Quit", "Quit and stop Mien")
    assert tray.wait(WAIT_S) == 0
    assert desk.ready() is None


def test_quitting_the_tray_leaves_the_daemon_and_a_second_tray_is_refused(desk: Desk, panel: Panel) -> None:
    tray = desk.tray()
    until(lambda: panel.title() == "Mien · Idle", "an idle tray")
    daemon = desk.daemon_pid
    assert desk.tray().wait(WAIT_S) == 1
    assert "a tray is already running" in desk.log

    panel.click("Quit", "Quit, Mien goes on")
    assert tray.wait(WAIT_S) == 0
    assert desk.daemon_pid == daemon


def test_a_job_is_seen_cancelled_and_told_of(office: Office) -> None:
    panel, daemon = office.panel, office.daemon
    assert panel.line("Jobs", "No jobs").enabled is False

    job = swap(daemon, "steps=2 gate=never")
    until(
        lambda: percent(daemon, job) > 0 and panel.title().startswith(f"Mien · {swap_at(daemon, job)}"), "its per cent"
    )
    until(lambda: shows(panel, IconState(Symbol.BUSY, clamp_to_step(percent(daemon, job)))), "its per cent in the icon")
    waiting = swap(daemon, "")
    panel.line("Running: 1, waiting: 1")
    panel.line("Jobs", "Swap: waiting")
    assert not panel.line("Give memory back now").enabled

    panel.click("Jobs", f"Swap: {clamp_to_step(percent(daemon, job))}%", "Cancel")
    assert daemon.wait(waiting)["state"] == "done"
    assert daemon.request("GET", f"/v1/jobs/{job['id']}")["state"] == "cancelled"
    panel.is_told("Mien: A job is done")
    assert (panel.pictured, list(panel.buttons.values())) == (True, ["Show", "Show"])
    panel.line("Results", "Swap, ")
    panel.press("Show")
    place = f"&view=results&item={waiting['id']}"
    until(lambda: any(url.endswith(place) for url in office.desk.opened), "the page on the result")

    swap(daemon, "fail=no-face-found")
    panel.is_told("Mien: A job has failed: No face was found in the picture.")
    until(lambda: shows(panel, IconState(Symbol.ATTENTION)), "attention")
    panel.click("Failed jobs: 1")
    until(lambda: shows(panel, IconState(Symbol.IDLE)), "calm once it was looked at")


def test_the_queue_is_paused_and_the_model_unloaded(office: Office) -> None:
    panel, daemon = office.panel, office.daemon
    daemon.wait(swap(daemon, ""))
    panel.click("Give memory back now")
    until(lambda: health(daemon)["worker"]["pid"] is None, "the worker's end")

    panel.click("Pause the queue")
    until(lambda: panel.line("Pause the queue").ticked, "a tick")
    until(lambda: health(daemon)["queue"]["paused"], "a queue that stands")  # the tick is the toolkit's, and earlier
    waits = swap(daemon, "")
    panel.line("The queue is paused, waiting: 1")
    panel.click("Pause the queue")
    assert daemon.wait(waits)["state"] == "done"


def test_a_notification_that_was_turned_off_is_not_shown(office: Office) -> None:
    panel, daemon = office.panel, office.daemon
    panel.click("Notifications", "A job is done")
    until(lambda: panel.line("Notifications", "A job is done").ticked is False, "no tick")
    until(lambda: not tells_of(daemon, "finished"), "a daemon that knows it")
    panel.forget()
    daemon.wait(swap(daemon, ""))
    swap(daemon, "fail=no-face-found")
    assert "failed" in panel.notified.get(timeout=WAIT_S)
    panel.click("Notifications", "A job is done")
    panel.click("Failed jobs: 1")


def test_a_browser_is_paired_by_the_digits_in_the_menu(office: Office) -> None:
    panel, daemon = office.panel, office.daemon
    panel.click("Pair a browser…")
    panel.line("Waiting for a browser to ask…")

    browser = Browser(daemon)
    panel.is_told(f"Mien: {NAME} asks to be paired")
    until(lambda: shows(panel, IconState(Symbol.ATTENTION)), "attention")
    panel.line(f"{NAME} shows {browser.digits[:3]} {browser.digits[3:]}")
    panel.press("No, other digits: refuse")
    assert browser.outcome() == "refused"

    panel.line("Waiting for a browser to ask…")
    browser = Browser(daemon)
    panel.line(f"{NAME} shows {browser.digits[:3]} {browser.digits[3:]}")
    panel.click("Yes, ")
    assert browser.outcome() == "approved"
    assert [client["name"] for client in daemon.request("GET", "/v1/clients")["clients"]] == [NAME]
    panel.line("Pair a browser…")


class Browser:
    """The extension's half of a pairing, as far as the digits."""

    def __init__(self, daemon: DaemonClient) -> None:
        self._daemon = daemon
        key, nonce = handshake.new_key_pair(), bytes(range(32))
        point = handshake.public_point(key)
        commitment = handshake.to_text(handshake.commitment(point, nonce))
        offer = self._ask("/v1/pair", {"name": NAME, "commitment": commitment})
        self._path = f"/v1/pair/{offer['id']}"
        shown = {"step": "reveal", "public_key": handshake.to_text(point), "nonce": handshake.to_text(nonce)}
        self._ask(self._path, shown)
        their_point = handshake.from_text(offer["public_key"], handshake.POINT_BYTES)
        their_nonce = handshake.from_text(offer["nonce"], handshake.NONCE_BYTES)
        self.digits = handshake.digits(handshake.transcript(NAME, daemon.port, point, nonce, their_point, their_nonce))

    def outcome(self) -> str:
        return until(lambda: state if (state := self._state()) != "shown" else None, "the person's decision")

    def _state(self) -> str:
        return str(self._ask(self._path, {"step": "wait"})["state"])

    def _ask(self, path: str, body: Mapping[str, object]) -> Any:
        headers = {"Content-Type": "application/json", "Origin": ORIGIN}
        url = f"http://127.0.0.1:{self._daemon.port}{path}"
        with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=WAIT_S) as answer:
            return json.load(answer)


def test_a_model_is_downloaded_paused_and_gone_on_with(office: Office) -> None:
    panel, hub = office.panel, office.hub
    panel.line("All models…")  # nothing is on its way
    office.daemon.download_model("own-remote")
    until(lambda: panel.title().startswith("Mien · Their weights: "), "the download in the title")
    until(lambda: (picture := icon_of(panel)) and is_blue(picture), "the download in the icon")
    panel.click("Models", "Their weights", "Pause the download")
    panel.line("Models", "Their weights: 102 kB, begun")

    hub.go_on.set()
    panel.click("Models", "Their weights: 102 kB", "Go on downloading")
    panel.is_told("Mien: own-remote has been downloaded")
    panel.line("All models…")


def is_blue(picture: Image.Image) -> bool:
    colours = picture.getcolors(picture.width * picture.height) or []
    return any(colour == (*BLUE, 255) for _, colour in colours)


def test_the_page_is_opened_with_a_code_that_is_good_once(office: Office) -> None:
    panel, daemon = office.panel, office.daemon
    before = len(office.desk.opened)
    panel.click("Open Mien…")
    url = until(lambda: office.desk.opened[before:], "a browser that was started")[0]
    page, _, code = url.partition("#code=")
    assert page == f"http://127.0.0.1:{daemon.port}/"
    assert daemon.request("POST", "/v1/session", {"code": code})["token"]
    with pytest.raises(Unpaired):
        daemon.request("POST", "/v1/session", {"code": code})


def test_it_starts_at_login_only_while_the_person_wants_it(office: Office) -> None:
    panel, desk = office.panel, office.desk
    entry = desk.home / ".config/autostart/mien-tray.desktop"
    assert panel.line("Start at login").ticked is False
    assert not entry.exists()
    panel.click("Start at login")
    until(entry.exists, "an entry")  # the panel's toolkit ticks a line before the tray hears of it
    until(lambda: panel.line("Start at login").ticked, "a tick")
    assert f'"-m" "mien_tray" "--at-login" "--state-dir" "{desk.state}"' in entry.read_text(encoding="utf-8")
    panel.click("Start at login")
    until(lambda: not entry.exists(), "no entry")
    until(lambda: panel.line("Start at login").ticked is False, "no tick")
