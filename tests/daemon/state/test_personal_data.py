"""Nothing of a person outlives its use: not in core dumps, logs, process names or files that nobody owns."""

import asyncio
import contextlib
import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keyring
import PIL.Image
import pytest

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_api.folders import Folders
from mien_cli.main import main
from mien_daemon import keys as slots
from mien_daemon.references.consent import Consent
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture
from mien_daemon.state import personal_data
from mien_daemon.state.personal_data import (
    find_personal_data,
    folder_for_references,
    is_private,
    list_below,
    memory_folder,
)
from mien_pipeline.trust.authority import Authority
from mien_testing.installed_engines import link_engines
from mien_testing.started import until_ready

pytestmark = pytest.mark.slow

on_linux = sys.platform == "linux"


def png(shade: int = 150) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (32, 24), (200, shade, 120)).save(made, "png")
    return made.getvalue()


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_worker_writes_no_core_and_its_title_tells_nothing(daemon: Any) -> None:
    job = await daemon.finished(await daemon.swap())
    pid = daemon.app[slots.WORKERS].status().pid
    if on_linux:
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")  # noqa: ASYNC240 - no disk behind it
        (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"]
        title = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")  # noqa: ASYNC240
        assert job["id"] not in title
        assert str(daemon.state) not in title


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────────────


SERVE = """
import asyncio, logging, sys
from dataclasses import replace
from mien_daemon.config import Config
from mien_daemon.server import serve
from mien_core.redaction import log_to
log_to(logging.StreamHandler(sys.stderr), logging.DEBUG)
config = Config.load({"port": 0}, state_dir=sys.argv[1], models_dir=sys.argv[2])
patient = {"restart_delays_s": (0.02,), "max_deaths": 50, "heartbeat_timeout_s": 60.0}  # the machine may be busy
asyncio.run(serve(replace(config, worker="mien_testing.runtime:fake_runtime", **patient)))
"""


async def test_no_canary_reaches_the_log_on_any_path(tmp_path: Path) -> None:
    """Prompts, names, digests, tokens and what a crash said: a whole daemon and its worker, at the finest level."""
    state = tmp_path / "state"
    log = tmp_path / "log"
    link_engines(tmp_path / "models")
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, state, tmp_path / "models", stderr=out
        )
    try:
        client = await asyncio.to_thread(until_ready, state, 120.0)
        name = await asyncio.to_thread(client.put_blob, png())
        for orders in ("CANARY-PROMPT", "CANARY-PROMPT crash", "CANARY-PROMPT fail=content-blocked", "CANARY die"):
            job = {"kind": "swap", "target": name, "reference": name, "options": {"engine": "flux", "prompt": orders}}
            posted = await asyncio.to_thread(client.post_job, job)
            await asyncio.to_thread(watched, client, posted)
        asked: tuple[tuple[str, str, Mapping[str, object] | None], ...] = (
            ("POST", "/v1/references", {"picture": name, "name": "CANARY-NAME", "basis": "self", "adult": True}),
            ("GET", "/v1/references/CANARY-ID", None),
            ("GET", f"/v1/blobs/{name}/faces", None),
            ("GET", f"/v1/blobs/{name}/preview?side=64", None),
            ("POST", "/v1/verify-image", {"not": "a picture CANARY"}),
            ("POST", "/v1/jobs", {"kind": "restore", "target": name, "options": {"amount": 0.5}}),
            ("POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": "ref:CANARY"}),
            ("GET", "/v1/jobs/CANARY-JOB?wait=0", None),
            ("GET", "/v1/CANARY-ROUTE", None),
            ("POST", "/v1/tokens", {"name": "CANARY-TOKEN", "scope": "swap"}),
            ("POST", "/v1/jobs", {"kind": "CANARY"}),
        )
        for method, path, body in asked:
            await asyncio.to_thread(refused_or_not, client, method, path, body)
        secrets = ["CANARY", client.token, name, name.removeprefix("sha256:"), "a secret that must not leave"]
    finally:
        process.terminate()
        await process.wait()
    text = log.read_text(encoding="utf-8")
    assert "ZeroDivisionError at" in text, "the crash is there to be mended"
    assert [secret for secret in secrets if secret in text] == []


def test_a_command_that_fails_unforeseen_logs_no_name_of_a_file_and_no_word_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its traceback is for whoever mends it, in a file of this user's; the error's own words are not in it."""

    def fail(*_: object) -> bytes:
        raise FileNotFoundError(2, "CANARY-WORDS", str(tmp_path / "CANARY-FILE.jpg"))

    monkeypatch.setattr("mien_cli.in_process.read_picture", fail)
    root, hook, hooks = logging.getLogger(), sys.excepthook, threading.excepthook
    before, level = list(root.handlers), root.level
    try:
        words = ["verify", str(tmp_path / "CANARY-NAME.jpg"), "--state-dir", str(tmp_path / "state")]
        assert main(words) == 1
    finally:
        for handler in set(root.handlers) - set(before):
            handler.close()
        root.handlers[:], sys.excepthook, threading.excepthook = before, hook, hooks
        root.setLevel(level)
    logs = Folders.find(str(tmp_path / "state"), None).logs
    log = (logs / "mien.log").read_text(encoding="utf-8")
    assert "FileNotFoundError at" in log
    assert "CANARY" not in log
    assert "CANARY" not in capsys.readouterr().err


def watched(client: DaemonClient, job: Mapping[str, Any]) -> None:
    """To its end, whatever that is."""
    list(client.watch(job))


def refused_or_not(client: DaemonClient, method: str, path: str, body: Mapping[str, object] | None) -> None:
    from mien_core.errors import MienError

    with contextlib.suppress(MienError, ValueError):  # a preview is no JSON
        client.request(method, path, body)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this system says is memory."""
    root = tmp_path / "run"
    root.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(f"proc /proc proc rw 0 0\ntmpfs {root} tmpfs rw 0 0\n", encoding="utf-8")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root))
    monkeypatch.setattr(personal_data, "MEMORY_BYTES", 1)
    monkeypatch.setattr(personal_data, "MOUNTS", mounts)
    return root


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no memory-backed folders")
def test_opened_references_lie_in_memory_in_a_folder_of_ones_own(tmp_path: Path, memory: Path) -> None:
    folder = folder_for_references(tmp_path / "state of CANARY")
    assert folder.parent == memory
    assert is_private(folder)
    assert "CANARY" not in str(folder.name)
    assert folder == folder_for_references(tmp_path / "state of CANARY"), "the same after a restart"
    assert folder != folder_for_references(tmp_path / "other")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no memory-backed folders")
async def test_the_folder_in_memory_goes_with_the_daemon(open_daemon: Any, tmp_path: Path, memory: Path) -> None:
    folder = memory_folder(tmp_path / "state")
    assert folder is not None
    assert folder.parent == memory
    async with open_daemon(tmp_path / "state"):
        assert is_private(folder)
    assert not folder.exists()


def test_where_there_is_no_such_place_they_lie_in_the_state_folder(tmp_path: Path, memory: Path) -> None:
    personal_data.MOUNTS.write_text("proc /proc proc rw 0 0\n", encoding="utf-8")
    folder = folder_for_references(tmp_path / "state")
    assert folder == tmp_path / "state" / "spool"


def test_a_folder_that_somebody_else_made_first_is_not_used(tmp_path: Path, memory: Path) -> None:
    taken = memory_folder(tmp_path / "state")
    assert taken is not None
    taken.symlink_to(tmp_path)
    assert folder_for_references(tmp_path / "state") == tmp_path / "state" / "spool"
    taken.unlink()
    taken.mkdir()
    taken.chmod(0o777)
    assert folder_for_references(tmp_path / "state") == tmp_path / "state" / "spool"


def test_too_small_a_place_is_not_used(tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "MEMORY_BYTES", 1 << 60)
    assert folder_for_references(tmp_path / "state") == tmp_path / "state" / "spool"


async def test_what_a_crash_left_is_gone_after_the_next_start(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    left = [folder_for_references(state) / "job.reference0", state / "spool" / "job"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a face")
    async with open_daemon(state):
        assert not [path for path in left if path.exists()]


def test_a_job_whose_folder_goes_while_it_is_looked_at_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "job" / "run").mkdir(parents=True)
    (tmp_path / "kept").touch()
    found = list_below(tmp_path)
    first = next(found)
    shutil.rmtree(tmp_path / "job")
    assert {path.name for path in (first, *found)} == {"job", "kept"}


async def let_an_hour_pass(daemon: Any) -> None:
    """For the pictures that were sent, and then see what may go."""

    def age(db: sqlite3.Connection) -> None:
        db.execute("UPDATE blobs SET used_at = used_at - 3601")

    await daemon.app[slots.DATABASE].write(age)
    await daemon.app[slots.BLOBS].sweep()


async def swap_of_two(daemon: Any) -> tuple[Any, Path, Path]:
    """A swap, and where its target and its reference lie."""
    names = [await daemon.put(data) for data in (png(), png(shade=90))]
    ask = {"kind": "swap", "target": names[0], "reference": names[1], "options": {"engine": "mesh"}}
    job = (await daemon.ask("POST", "/v1/jobs", ask)).json
    target, reference = (daemon.app[slots.BLOBS].path(name.removeprefix("sha256:")) for name in names)
    return job, target, reference


async def test_a_reference_that_was_only_sent_does_not_stay_with_the_result(daemon: Any) -> None:
    """It goes with the hour after its last use; the target stays for comparing as long as the result does."""
    job, target, reference = await swap_of_two(daemon)
    await daemon.finished(job)
    await daemon.app[slots.BLOBS].sweep()
    assert (target.exists(), reference.exists()) == (True, True)
    await let_an_hour_pass(daemon)
    assert (target.exists(), reference.exists()) == (True, False)


async def test_a_reference_waits_as_long_as_its_job_does(daemon: Any) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    _, _, reference = await swap_of_two(daemon)
    await let_an_hour_pass(daemon)
    assert reference.exists()


async def test_the_next_daemon_begins_without_the_references_of_finished_jobs(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_daemon(state) as daemon:
        job, target, reference = await swap_of_two(daemon)
        await daemon.finished(job)
    async with open_daemon(state):
        assert (target.exists(), reference.exists()) == (True, False)


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────


def fill(state: Path) -> None:
    """A state folder as after some use."""
    state.mkdir(mode=0o700)
    ReferenceLibrary(state).add(
        [KeptPicture(png(), b"small")], Consent.given("Ann", "self", adult=True, expires_at=None)
    )
    Authority(state).signatory()
    for name in ("mien.db", "mien.db-wal", "mien.db.damaged-20260101", "results/ab", "blobs/cd/ef", "logs/mien.log"):
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a trace")
    (state / "settings.json").write_text("{}", encoding="utf-8")
    (state / "holiday.jpg").write_bytes(b"not ours")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    status = main(list(words))
    return status, json.loads(capsys.readouterr().out)


def test_everything_personal_is_removed_and_that_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    fill(state)
    status, found = run(capsys, "forget-all", "--json", "--state-dir", str(state))
    assert status == 0
    assert found["removed"]["files"] >= 12
    assert found["remaining"] == []
    left = sorted(path.name for path in state.rglob("*") if path.is_file())
    assert left == ["daemon.lock", "holiday.jpg", "settings.json"], "settings stay, and what is not ours"
    assert run(capsys, "references", "list", "--json", "--state-dir", str(state)) == (0, {"references": []})


def test_a_file_that_cannot_be_removed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    fill(state)
    real = personal_data.remove

    def remove(path: Path) -> None:
        if path.name != "results":
            real(path)

    monkeypatch.setattr(personal_data, "remove", remove)
    status, found = run(capsys, "forget-all", "--json", "--state-dir", str(state))
    assert status == 1
    assert [each["what"] for each in found["remaining"]] == ["results"]


async def test_a_running_daemon_is_stopped_before_everything_goes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    link_engines(tmp_path / "models")
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, state, tmp_path / "models", stderr=asyncio.subprocess.DEVNULL
    )
    client = await asyncio.to_thread(until_ready, state, 120.0)
    name = await asyncio.to_thread(client.put_blob, png())
    job = {"kind": "swap", "target": name, "reference": name, "options": {"engine": "mesh"}}
    await asyncio.to_thread(watched, client, await asyncio.to_thread(client.post_job, job))
    assert {each.what for each in find_personal_data(folders_of(state))} >= {"results", "pictures that were sent"}
    command = [sys.executable, "-m", "mien_cli", "forget-all", "--json", "--state-dir", str(state)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    assert json.loads(done.stdout)["remaining"] == []
    assert await daemon.wait() == 0
    assert find_personal_data(folders_of(state)) == []


async def test_a_daemon_that_does_not_stop_is_not_robbed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien_cli.commands.forget_all.STOP_S", 0.1)
    state = tmp_path / "state"
    fill(state)
    before = find_personal_data(folders_of(state))
    with runtime_file.held(state):
        status, found = run(capsys, "forget-all", "--json", "--state-dir", str(state))
    assert (status, found["code"]) == (1, "already-running")
    assert find_personal_data(folders_of(state)) == before


class SecretStore:
    """A desktop's secret store; a stubborn one lets go of nothing."""

    priority = 5.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.stubborn = False

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if not self.stubborn:
            self.held.pop((service, username), None)


@pytest.fixture
def secret_store(monkeypatch: pytest.MonkeyPatch) -> SecretStore:
    store = SecretStore()
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    return store


def test_no_key_stays_in_the_secret_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret_store: SecretStore
) -> None:
    state = tmp_path / "state"
    fill(state)
    assert len(secret_store.held) == 2
    assert not list((state / "keys").glob("*.key"))
    assert run(capsys, "forget-all", "--json", "--state-dir", str(state))[0] == 0
    assert secret_store.held == {}


def test_a_key_that_the_secret_store_keeps_is_told_and_can_be_forgotten_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret_store: SecretStore
) -> None:
    state = tmp_path / "state"
    fill(state)
    secret_store.stubborn = True
    status, found = run(capsys, "forget-all", "--json", "--state-dir", str(state))
    assert (status, [each["what"] for each in found["remaining"]]) == (1, ["private keys"])
    secret_store.stubborn = False
    assert run(capsys, "forget-all", "--json", "--state-dir", str(state))[0] == 0
    assert secret_store.held == {}


def folders_of(state: Path) -> Folders:
    return Folders(state, state / "cache", state / "logs", state / "models")


def test_the_doctor_tells_what_is_stored_and_where(tmp_path: Path) -> None:
    state = tmp_path / "state"
    fill(state)
    found = {each.what: each for each in find_personal_data(folders_of(state))}
    assert found["the reference library, sealed"].files == 5
    assert found["results"].path == state / "results"
    assert found["private keys"].files == 2
    assert "certificates that sign results" in found
    assert all(os.path.commonpath([each.path, state]) == str(state) for each in found.values())
