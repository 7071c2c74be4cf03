"""The product's own processes are in the cage: seen from outside, in what the kernel says of them."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mien_api.folders import Folders
from mien_cli.commands.demo import PORTRAITS, REFERENCE, TARGET
from mien_core.program import command_for
from mien_daemon import keys
from mien_daemon.config import DEFAULT_WORKER
from mien_models.store import ModelStore
from mien_pipeline.progress import Progress
from mien_pipeline.trust.authority import Authority
from mien_testing.daemon import png
from mien_testing.runtime import FakeRuntime

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow

Daemon = Any


def status_of(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def is_caged(pid: int) -> bool:
    status = status_of(pid)
    return (status["Seccomp"], status["NoNewPrivs"], int(status["CapEff"], 16) & ~0b10) == ("2", "1", 0)


def threads_of(pid: int | str) -> list[str]:
    return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]


def children() -> list[int]:
    """Of every thread of this process: asyncio starts some from a thread of its own."""
    found: list[int] = []
    for thread in threads_of("self"):
        with suppress(OSError):  # it has ended since
            found += map(int, Path(f"/proc/self/task/{thread}/children").read_text(encoding="ascii").split())
    return found


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")


async def test_the_worker_and_every_one_of_its_threads_are_in_the_cage(daemon: Daemon) -> None:
    await daemon.finished(await daemon.swap())
    pid = (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"]
    assert is_caged(pid)
    assert {status_of(f"{pid}/task/{thread}")["Seccomp"] for thread in threads_of(pid)} == {"2"}
    assert not is_caged(os.getpid())


async def test_the_process_that_makes_previews_is_in_the_cage(daemon: Daemon) -> None:
    name = await daemon.put(png(64))
    assert (await daemon.ask("GET", f"/v1/blobs/{name}/preview?side=64")).status == 200
    previews = [pid for pid in children() if "preview_start" in command_of(pid)]
    assert previews
    assert all(map(is_caged, previews))


class Curious(FakeRuntime):
    """A runtime that tries to read what the worker must not, and says the answers as the name of its engine."""

    def swap(self, *words: Any, **more: Any) -> Any:
        places = [self._state / name for name in ("daemon.json", "keys", "mien.db")]
        said = {path.name: try_to_read(path) for path in places}
        said |= {"home": try_to_read(Path.home()), "spool": try_to_read(self._state / "spool")}
        self.engine_name = " ".join(f"{name}={found}" for name, found in said.items())
        on_progress = words[3]
        while True:
            on_progress(Progress("generate", 0, 1))
            time.sleep(0.01)


def try_to_read(path: Path) -> str:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return type(error).__name__
    return "read"


def curious_runtime(models: Path, state: Path, *, offline: bool, authority: object) -> Curious:
    return Curious(state)


async def test_keys_the_token_the_database_and_the_home_folder_are_out_of_the_workers_reach(
    open_daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "curious.py").symlink_to(__file__)
    # The folder of all of it, too: a person's own modules may lie anywhere.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(tmp_path / "modules"), str(HERE)]))
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "daemon.json").write_text("{}")
    async with open_daemon(worker="curious:curious_runtime") as daemon:
        await daemon.at_work(await daemon.swap("gate=never"))
        await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().engine)
        found = daemon.app[keys.WORKERS].status().engine
    refused = " ".join(f"{name}=PermissionError" for name in ("daemon.json", "keys", "mien.db", "home"))
    assert found == f"{refused} spool=read"


async def test_the_real_worker_swaps_a_face_from_inside_the_cage(
    open_daemon: Any, tmp_path: Path, models: ModelStore
) -> None:
    """Decoders, every starter network, watermark and credentials ask for nothing that the cage refuses."""
    state = tmp_path / "state"
    folders = Folders(state, state / "cache", state / "logs", models.root)
    if models.missing([PORTRAITS]):
        models.pull([PORTRAITS])
    async with open_daemon(worker=DEFAULT_WORKER, folders=folders) as daemon:
        target, reference = [
            await daemon.put(models.path(PORTRAITS, name).read_bytes()) for name in (TARGET, REFERENCE)
        ]
        words = {"kind": "swap", "target": target, "reference": reference, "options": {"engine": "mesh"}}
        job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", words)).json)
        assert job["state"] == "done", job["problem"]
        assert job["result"]["provenance"] == {"c2pa": True, "watermark": "strong"}
        assert is_caged((await daemon.ask("GET", "/v1/health")).json["worker"]["pid"])


async def test_results_are_signed_with_a_new_key_after_it_was_replaced(daemon: Daemon) -> None:
    await daemon.finished(await daemon.swap())
    first = (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"]
    await daemon.finished(await daemon.swap(seed=1))
    assert (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"] == first
    Authority(daemon.state).rotate()
    job = await daemon.finished(await daemon.swap(seed=2))
    worker = (await daemon.ask("GET", "/v1/health")).json["worker"]
    assert (job["state"], job["attempts"], worker["deaths"]) == ("done", 1, 0)
    assert worker["pid"] != first


async def test_a_worker_that_failed_as_nobody_planned_is_replaced_and_that_is_no_death(daemon: Daemon) -> None:
    assert (await daemon.finished(await daemon.swap("crash")))["state"] == "failed"
    assert (await daemon.finished(await daemon.swap(seed=1)))["state"] == "done"
    assert (await daemon.ask("GET", "/v1/health")).json["worker"]["deaths"] == 0


def test_the_command_line_closes_it_before_it_decodes(tmp_path: Path, models: ModelStore) -> None:
    """A decoder that asks for a socket, a program and a file of the home folder gets none."""
    (tmp_path / "t.png").write_bytes(png(64))
    (tmp_path / "secret").write_text("a secret")
    spy = f"""
import os, sys, PIL.Image
opened = PIL.Image.open
def spy(*words, **more):
    said = []
    start = lambda: os.posix_spawn({shutil.which("true")!r}, ['true'], os.environ)
    for attempt in (start, lambda: __import__('socket').socket(), lambda: open({str(tmp_path / "secret")!r})):
        try:
            attempt(); said.append('let through')
        except OSError as error:
            said.append(type(error).__name__)
    sys.stderr.write(' '.join(said) + chr(10))
    return opened(*words, **more)
PIL.Image.open = spy
from mien_cli.main import main
sys.argv = ['mien', *sys.argv[1:]]
sys.exit(main())
"""
    folders = ["--state-dir", str(tmp_path / "state"), "--models-dir", str(models.root)]

    def tried(*words: str) -> set[str]:
        words = (sys.executable, "-c", spy, *words, *folders, "--offline")
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        return {line for line in done.stderr.splitlines() if "Error" in line or "let through" in line}

    assert tried("verify", "t.png") == {"PermissionError PermissionError PermissionError"}
    given = ("--face", "t.png", "--local", "--basis", "self", "--adult")
    assert "PermissionError PermissionError let through" in tried("swap", "t.png", *given)


def test_the_verifiers_process_answers_from_inside_the_cage(tmp_path: Path, models: ModelStore) -> None:
    folders = ["--state-dir", str(tmp_path), "--models-dir", str(models.root)]
    command = [*command_for("mien"), "verify", "-", "--json", "--offline", *folders]
    done = subprocess.run(command, input=png(64), capture_output=True, check=False)
    assert b'"watermark"' in done.stdout
