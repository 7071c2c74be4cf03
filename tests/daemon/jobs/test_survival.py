"""`kill -9` at any point: no acknowledged job is lost, none is done twice, nothing half-written is ever shown."""

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_core.errors import DaemonUnreachable
from mien_testing.installed_engines import link_engines
from mien_testing.started import until_ready

pytestmark = pytest.mark.slow

Start = Callable[[], tuple["subprocess.Popen[bytes]", DaemonClient]]

# A daemon like any other, but for its worker: a script of three lines instead of a flag in the product.
SERVE = """
import asyncio, sys
from pathlib import Path
from mien_daemon.config import Config, Settings
from mien_api.folders import Folders
from mien_daemon.server import serve
state = Path(sys.argv[1])
folders = Folders(state, state / "cache", state / "logs", state / "models")
asyncio.run(serve(Config(folders, Settings(port=0), worker="mien_testing.runtime:fake_runtime")))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a daemon process on the test's own state folder, as often as it is killed."""
    running: list[subprocess.Popen[bytes]] = []

    link_engines(tmp_path / "models")

    def begin() -> tuple[subprocess.Popen[bytes], DaemonClient]:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path)], stderr=subprocess.DEVNULL)
        running.append(process)
        return process, until_ready(tmp_path, timeout_s=120)

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


def ask(client: DaemonClient, picture: bytes, orders: str = "", key: str | None = None) -> str:
    name = client.put_blob(picture)
    options = {"engine": "flux", "prompt": orders}
    return str(client.post_job({"kind": "swap", "target": name, "reference": name, "options": options}, key)["id"])


def test_a_job_that_was_running_is_begun_again_and_done_once(
    start: Start, tmp_path: Path, picture: bytes, has_ended: Callable[..., bool]
) -> None:
    process, client = start()
    job = ask(client, picture, "gate=gate")
    while client.request("GET", f"/v1/jobs/{job}?wait=20")["state"] != "running":
        pass
    worker = client.request("GET", "/v1/health")["worker"]["pid"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert has_ended(worker, 60)
    (tmp_path / "gate").touch()
    _, client = start()
    done = client.wait({"id": job, "state": "queued"})
    assert (done["state"], done["attempts"]) == ("done", 1)
    assert client.result(job) == picture


def test_what_was_acknowledged_is_done_however_often_the_daemon_is_killed(start: Start, picture: bytes) -> None:
    acknowledged: list[str] = []
    chance = random.Random(7)

    def post_until_killed(client: DaemonClient) -> None:
        with contextlib.suppress(DaemonUnreachable):
            for number in range(40):
                acknowledged.append(ask(client, picture, "steps=1", key=f"{len(acknowledged)}-{number}"))

    for _ in range(3):
        process, client = start()
        before = len(acknowledged)
        posting = threading.Thread(target=post_until_killed, args=(client,))
        posting.start()
        wanted = before + chance.randint(1, 12)
        while len(acknowledged) < wanted and posting.is_alive():
            posting.join(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        posting.join()
    _, client = start()
    assert len(acknowledged) == len(set(acknowledged)) > 0
    for job in acknowledged:
        assert client.wait({"id": job, "state": "queued"})["state"] == "done"
        assert client.result(job) == picture


def test_a_daemon_that_is_asked_to_stop_keeps_the_running_job(start: Start, tmp_path: Path, picture: bytes) -> None:
    process, client = start()
    job = ask(client, picture, "gate=gate")
    while client.request("GET", f"/v1/jobs/{job}?wait=20")["state"] != "running":
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not (tmp_path / "daemon.json").exists()
    (tmp_path / "gate").touch()
    _, client = start()
    assert client.wait({"id": job, "state": "queued"})["attempts"] == 1


def test_everything_below_the_state_folder_is_the_users_alone(start: Start, tmp_path: Path, picture: bytes) -> None:
    _, client = start()
    client.wait({"id": ask(client, picture), "state": "queued"})
    until = time.monotonic() + 60
    while any((tmp_path / "spool").iterdir()):  # the job's folder goes after its last event
        assert time.monotonic() < until
        time.sleep(0.01)
    assert (tmp_path / "daemon.json").stat().st_mode & 0o777 == 0o600
    found = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    assert {path.name for path in found} >= {"mien.db", "blobs", "results", "spool", "arriving"}
    assert [path for path in found if path.stat().st_mode & 0o077] == []


def test_no_file_names_a_dead_daemon(start: Start, tmp_path: Path) -> None:
    process, _ = start()
    process.kill()
    process.wait()
    assert (tmp_path / "daemon.json").exists()
    assert DaemonClient.discover(tmp_path) is None


def test_a_file_that_a_new_daemon_removes_while_it_is_read_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_file.write(tmp_path, runtime_file.RuntimeFile(1, 2, "0.1.0", "a killed daemon's"))

    def taken_over(state: Path) -> bool:
        runtime_file.remove(state)
        return True

    monkeypatch.setattr(runtime_file, "is_held", taken_over)
    assert runtime_file.read(tmp_path) is None


def test_a_daemon_says_that_its_database_was_damaged(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mien.db").write_bytes(b"x" * 5000)
    _, client = start()
    notices = client.request("GET", "/v1/health")["notices"]
    aside = [path.name for path in tmp_path.glob("mien.db.damaged-*")]
    assert len(aside) == 1
    assert aside[0] in notices[0]
