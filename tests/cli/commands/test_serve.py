"""`mien serve` and the commands that talk to it, as a person types them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mien_api.client import DaemonClient
from mien_cli.main import main
from mien_models.store import ModelStore
from mien_testing.started import until_ready

pytestmark = pytest.mark.slow

MIEN = [sys.executable, "-m", "mien_cli"]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def serving(state: Path, models: ModelStore) -> Iterator[dict[str, Any]]:
    """A daemon started behind the terminal; the document that `mien serve --json` printed."""
    command = [*MIEN, "serve", "--port", "0", "--state-dir", str(state), "--models-dir", str(models.root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    yield document
    os.kill(document["pid"], signal.SIGTERM)


def mien(capsys: pytest.CaptureFixture[str], state: Path, *words: str) -> tuple[int, Any]:
    """Run a command in this process and return its exit status and its one JSON document."""
    status = main([*words, "--state-dir", str(state), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_serve_returns_when_the_daemon_is_ready_and_leaves_it_running(serving: Any, state: Path) -> None:
    assert serving.keys() == {"port", "pid", "version", "state_dir"}
    assert DaemonClient.running(state).request("GET", "/v1/health")["version"] == serving["version"]
    assert "ready" in (state / "logs" / "daemon.log").read_text()


@pytest.mark.parametrize("foreground", [["--foreground"], []])
def test_a_second_daemon_on_the_same_folder_is_refused(serving: Any, state: Path, foreground: list[str]) -> None:
    command = [*MIEN, "serve", "--port", "0", "--state-dir", str(state), "--json", *foreground]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "already-running"
    assert DaemonClient.running(state).request("GET", "/v1/hello") == {"name": "mien", "api": 1}


def test_a_port_that_is_taken_is_refused_by_name(serving: Any, tmp_path: Path) -> None:
    command = [*MIEN, "serve", "--foreground", "--state-dir", str(tmp_path), "--json", "--port", str(serving["port"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "port-in-use"
    assert not (tmp_path / "daemon.json").exists()


def test_a_port_that_is_taken_is_named_with_the_log_to_a_person_who_starts_it_in_the_background(
    serving: Any, tmp_path: Path
) -> None:
    command = [*MIEN, "serve", "--state-dir", str(tmp_path), "--port", str(serving["port"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"port {serving['port']} cannot be had" in done.stderr
    assert f"log: {tmp_path / 'logs' / 'daemon.log'}" in done.stderr
    problem = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)
    assert (problem["code"], problem["port"]) == ("port-in-use", serving["port"])
    assert Path(problem["log"]).is_file()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_in_the_foreground_stops_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    command = [*MIEN, "serve", "--foreground", "--port", "0", "--state-dir", str(tmp_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        daemon = until_ready(tmp_path)
        process.send_signal(stop)
        printed, told = process.communicate(timeout=120)
        assert process.returncode == 0
    document = json.loads(printed)
    assert (document["port"], document["pid"]) == (daemon.port, process.pid)
    assert daemon.token not in printed + told
    assert "ready on http://127.0.0.1:" in told
    assert "Traceback" not in told
    assert not (tmp_path / "daemon.json").exists()


def test_a_token_is_made_listed_used_and_revoked(serving: Any, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, made = mien(capsys, state, "token", "create", "--name", "batch", "--scope", "swap")
    assert status == 0
    assert made.keys() == {"id", "token", "scope"}
    script = DaemonClient(serving["port"], made["token"])
    assert script.request("GET", "/v1/jobs") == {"jobs": [], "next": None}
    _, listed = mien(capsys, state, "clients", "list")
    client = next(each for each in listed["clients"] if each["id"] == made["id"])
    assert (client["name"], client["scopes"]) == ("batch", ["swap"])
    assert client["last_seen"]
    assert made["token"] not in json.dumps(listed)
    assert mien(capsys, state, "clients", "rename", made["id"], "nightly")[1]["name"] == "nightly"
    assert mien(capsys, state, "clients", "revoke", made["id"])[0] == 0
    assert mien(capsys, state, "clients", "revoke", made["id"])[1]["code"] == "unknown-client"


def test_jobs_are_listed_shown_cancelled_and_repeated(
    serving: Any, state: Path, capsys: pytest.CaptureFixture[str], picture: bytes
) -> None:
    daemon = DaemonClient.running(state)
    daemon.request("POST", "/v1/queue/pause")
    name = daemon.put_blob(picture)
    job = daemon.post_job({"kind": "swap", "target": name, "reference": name})["id"]
    assert [each["id"] for each in mien(capsys, state, "jobs", "list")[1]["jobs"]] == [job]
    assert mien(capsys, state, "jobs", "list", "--state", "done")[1]["jobs"] == []
    assert mien(capsys, state, "jobs", "cancel", job)[1]["state"] == "cancelled"
    assert mien(capsys, state, "jobs", "retry", job)[1]["state"] == "queued"
    assert mien(capsys, state, "jobs", "show", job)[1]["id"] == job
    status, problem = mien(capsys, state, "jobs", "show", "nobody")
    assert (status, problem["code"]) == (1, "unknown-job")


def test_without_a_daemon_the_commands_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["jobs", "list"], ["clients", "list"], ["token", "create", "--name", "a", "--scope", "swap"]):
        status, problem = mien(capsys, tmp_path, *words)
        assert (status, problem["code"], problem["command"]) == (1, "daemon-unreachable", "mien serve")
