"""How a worker process begins: with one thread for its matrices, in the engines' environment of now."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from mien_daemon import keys
from mien_models.environments.environment import EngineEnvironment, Installed

pytestmark = pytest.mark.slow

Daemon = Any


async def worker_of(daemon: Daemon) -> Any:
    return (await daemon.ask("GET", "/v1/health")).json["worker"]


async def test_the_worker_multiplies_in_one_thread_whoever_started_the_daemon(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    monkeypatch.setenv("OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN", "5")
    daemon.app[keys.WORKERS].warm()
    await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().state == "idle")
    has = psutil.Process((await worker_of(daemon))["pid"]).environ()
    assert has["OPENBLAS_NUM_THREADS"] == "1"
    assert has["OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN"] == "5", "a person's own choice stays"


def stand_in_environment(daemon: Daemon, ran: Path, version: str) -> None:
    """An engines' environment of `version` whose Python is ours, and writes its process id to `ran`."""
    environment = EngineEnvironment(daemon.app[keys.CONFIG].folders.models)
    environment.python.parent.mkdir(parents=True)
    environment.python.write_text(f'#!/bin/sh\necho $$ > "{ran}"\nexec "{sys.executable}" "$@"\n')
    environment.python.chmod(0o755)
    lock = environment.lock.sha256
    made = Installed(version=version, lock_sha256=lock, device="cpu", torch="2", found="cpu", engines=("flux",))
    environment.note.write_text(made.model_dump_json())


@pytest.mark.parametrize("version", [metadata.version("mien"), "0.0.1"], ids=["fits", "outdated"])
async def test_the_worker_runs_in_the_engines_environment_if_that_is_of_this_version(
    daemon: Daemon, tmp_path: Path, version: str
) -> None:
    ran = tmp_path / "ran"
    stand_in_environment(daemon, ran, version)
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"
    pid = str((await worker_of(daemon))["pid"])
    assert (ran.read_text().strip() if ran.exists() else None) == (pid if version != "0.0.1" else None)


async def test_an_environment_that_is_installed_beside_a_running_worker_counts_for_the_next_job(
    daemon: Daemon, tmp_path: Path
) -> None:
    await daemon.finished(await daemon.swap())
    before = (await worker_of(daemon))["pid"]
    ran = tmp_path / "ran"
    stand_in_environment(daemon, ran, metadata.version("mien"))
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"
    after = await worker_of(daemon)
    assert after["pid"] == int(ran.read_text()) != before
    assert after["deaths"] == 0
