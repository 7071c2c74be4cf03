"""A state folder removed under the running daemon, a database locked by another program, bytes flipped on the disk:
each is a named answer, and what was acknowledged is kept."""

import asyncio
import logging
import os
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mien_api import runtime_file
from mien_daemon import keys, server
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.server import serve
from mien_daemon.state import database as module
from mien_testing.daemon import Daemon, config_for, name_of, png

pytestmark = pytest.mark.slow

ROUTES = (
    ("GET", "/v1/health", None),
    ("GET", "/v1/jobs", None),
    ("GET", "/v1/clients", None),
    ("GET", "/v1/references", None),
    ("GET", "/v1/models", None),
    ("GET", "/v1/settings", None),
    ("PUT", "/v1/settings", {"keep_results_s": 90}),
    ("POST", "/v1/tokens", {"name": "one", "scope": "swap"}),
    ("POST", "/v1/jobs", {"kind": "restore", "target": "sha256:" + "0" * 64}),
    ("DELETE", "/v1/jobs", None),
    ("POST", "/v1/queue/pause", None),
)
MAY_BE = {200, 201, 202, 204, 401, 404, 409, 410, 422, 503}


def flip(path: Path, *, keep_time: bool = True) -> None:
    """One byte is another, in place; the file's time is as it was."""
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(found.st_size // 2)
        byte = file.read(1)
        file.seek(found.st_size // 2)
        file.write(bytes([byte[0] ^ 0x5A]))
    if keep_time:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@contextmanager
def locked(state: Path) -> Generator[None]:
    other = sqlite3.connect(state / "mien.db", isolation_level=None, timeout=20)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


# ── flipped bytes ──


@pytest.mark.parametrize("asked_before", [True, False])
async def test_a_result_with_flipped_bytes_is_not_sent_under_its_old_etag(daemon: Any, asked_before: bool) -> None:
    job = await daemon.finished(await daemon.swap())
    path, etag = f"/v1/jobs/{job['id']}/result", ""
    if asked_before:
        whole = await daemon.ask("GET", path)
        etag = whole.headers["ETag"]
        assert etag == f'"{name_of(whole.body).removeprefix("sha256:")}"'
    flip(daemon.state / "results" / job["id"])
    for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": etag or '"x"'}):
        answer = await daemon.ask("GET", path, headers=headers)
        assert (answer.status, answer.code) == (410, "result-damaged")
        assert "ETag" not in answer.headers
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/preview")).code == "result-damaged"
    (notice, _) = (await daemon.ask("GET", "/v1/health")).json["notices"]
    assert f"The bytes of result {job['id']} are not those that were written" in notice
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json["state"] == "done"


async def test_a_picture_with_flipped_bytes_is_unknown_until_it_is_sent_again(daemon: Any) -> None:
    picture = png(shade=33)
    name = await daemon.put(picture)
    flip(daemon.state / "blobs" / name[7:9] / name[7:])
    answer = await daemon.ask("GET", f"/v1/blobs/{name}")
    assert (answer.status, answer.code) == (404, "unknown-blob")
    ask = {"kind": "swap", "target": name, "reference": name, "options": {"engine": "flux"}}
    assert (await daemon.ask("POST", "/v1/jobs", ask)).code == "unknown-blob"
    await daemon.put(picture)
    await daemon.ask("POST", "/v1/queue/pause")
    job = (await daemon.ask("POST", "/v1/jobs", ask)).json
    flip(daemon.state / "blobs" / name[7:9] / name[7:])
    await daemon.ask("POST", "/v1/queue/resume")
    ended = await daemon.finished(job)
    assert (ended["state"], ended["problem"]["code"]) == ("failed", "unknown-blob")
    await daemon.put(picture)
    assert (await daemon.ask("GET", f"/v1/blobs/{name}")).body == picture
    assert (await daemon.finished((await daemon.ask("POST", f"/v1/jobs/{job['id']}/retry")).json))["state"] == "done"


# ── another program's lock ──


async def test_while_another_program_locks_the_database_readers_are_answered_and_nothing_is_lost(
    daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = await daemon.finished(await daemon.swap())
    made = (await daemon.ask("POST", "/v1/tokens", {"name": "one", "scope": "swap"})).json
    running = await daemon.at_work(await daemon.swap("gate=gate"))
    waiting = await daemon.swap(picture=png(shade=9))
    ask = {"kind": "restore", "target": waiting["target"]}
    with locked(daemon.state), monkeypatch.context() as soon:
        soon.setattr(module, "BUSY_S", 0.3)
        for path in (
            "/v1/jobs",
            f"/v1/jobs/{ended['id']}",
            f"/v1/jobs/{ended['id']}/result",
            "/v1/health",
            "/v1/clients",
        ):
            assert (await daemon.ask("GET", path)).status == 200
        assert (await daemon.ask("GET", "/v1/jobs", token=made["token"])).status == 200
        for method, path, body in (
            ("POST", "/v1/jobs", ask),
            ("POST", f"/v1/jobs/{waiting['id']}/cancel", None),
            ("DELETE", f"/v1/jobs/{ended['id']}", None),
            ("POST", "/v1/tokens", {"name": "two", "scope": "swap"}),
            ("PATCH", f"/v1/clients/{made['id']}", {"name": "other"}),
            ("DELETE", f"/v1/clients/{made['id']}", None),
        ):
            answer = await daemon.ask(method, path, body)
            assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "state-busy", "2")
        assert (await daemon.ask("GET", "/v1/jobs", token=made["token"])).status == 401, "revoked all the same"
        assert (await daemon.ask("PUT", "/v1/settings", {"keep_results_s": 90})).status == 200
        assert (await daemon.ask("GET", f"/v1/jobs/{waiting['id']}")).json["state"] == "queued"
        (daemon.state / "gate").touch()
        await daemon.eventually(lambda: (daemon.state / "spool" / running["id"] / "result").exists())
    for job in (running, waiting):
        done = await daemon.finished(job)
        assert (done["state"], done["attempts"]) == ("done", 1)
        assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == 200
    dated = (await daemon.ask("GET", f"/v1/jobs/{ended['id']}")).json
    lasts = datetime.fromisoformat(dated["expires_at"]) - datetime.fromisoformat(dated["finished_at"])
    assert round(lasts.total_seconds()) == 90, "what was set meanwhile counts for older jobs too"
    await daemon.app[keys.CLIENTS].close()
    again = ClientRegistry(daemon.app[keys.DATABASE], "another")
    await again.load()
    assert again.list_all() == []


async def test_a_daemon_that_starts_while_the_database_is_locked_answers_and_begins_its_jobs_later(
    open_daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_daemon(settings={"paused": True}) as daemon:
        job = await daemon.swap()
    with locked(tmp_path / "state"), monkeypatch.context() as soon:
        for name in ("state.database.BUSY_S", "jobs.scheduler.START_S", "jobs.scheduler.BUSY_S"):
            soon.setattr(f"mien_daemon.{name}", 0.2)
        starting = open_daemon()
        daemon = await starting.__aenter__()
        shown = (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json
        assert shown["state"] == "queued"
        assert (await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")).code == "state-busy"
    assert (await daemon.finished(job))["state"] == "done"
    await starting.__aexit__(None, None, None)


# ── removed ──


@asynccontextmanager
async def served(state: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Daemon]:
    """`mien serve` in this process, as far as its signals."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    monkeypatch.setattr(server, "watch_stop_signals", lambda: stop)
    umask = os.umask(0o022)
    serving = asyncio.create_task(serve(config_for(state), ready.set_result))
    try:
        found = await asyncio.wait_for(ready, 60)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {found.token}"}) as session:
            running = Served(found.port, session)
            running.state = state
            yield running
    finally:
        stop.set()
        await asyncio.wait_for(serving, 60)
        os.umask(umask)


class Served(Daemon):
    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self._session = session

    async def ask(self, method: str, path: str, json: object = None, **more: Any) -> Any:
        more.setdefault("token", None)
        return await super().ask(method, path, json, **more)


@pytest.mark.parametrize("what", ["the folder", "the database"])
async def test_a_state_folder_that_is_removed_under_the_daemon_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    state = tmp_path / "state"
    async with served(state, monkeypatch) as daemon:
        made = (await daemon.ask("POST", "/v1/tokens", {"name": "one", "scope": "swap"})).json
        await daemon.put(png())
        caplog.clear()
        if what == "the folder":
            shutil.rmtree(state)
        else:
            for path in state.glob("mien.db*"):
                path.unlink()
        statuses = {(await daemon.ask(method, path, body)).status for method, path, body in ROUTES}
        assert statuses <= MAY_BE
        await until_begun_anew(daemon)
        assert runtime_file.read(state) is not None
        assert state.stat().st_mode & 0o777 == 0o700
        statuses = {(await daemon.ask(method, path, body)).status for method, path, body in ROUTES}
        assert statuses <= MAY_BE - {503}
        assert (await daemon.ask("POST", "/v1/state/check", {})).json == {"ok": True, "findings": []}
        assert (await daemon.ask("GET", "/v1/jobs", token=made["token"])).status == 401, "its list is gone"
        assert name_of(png()) == await daemon.put(png())
    assert [record for record in caplog.records if record.exc_info] == []
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) < 30


async def until_begun_anew(daemon: Any) -> None:
    async with asyncio.timeout(60):
        while True:
            answer = await daemon.ask("GET", "/v1/health")
            if "was removed while the daemon ran; a new one was begun" in str(answer.json.get("notices")):
                return


@pytest.mark.parametrize("folder", ["blobs", "results", "arriving", "spool"])
async def test_a_folder_of_the_state_that_is_removed_is_made_again(daemon: Any, folder: str) -> None:
    shutil.rmtree(daemon.state / folder)
    assert (await daemon.finished(await daemon.swap(picture=png(shade=5))))["state"] == "done"
