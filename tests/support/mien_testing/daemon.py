"""A whole daemon inside the test's own loop, with a real worker process that runs a fake of the pipeline."""

import asyncio
import hashlib
import io
import json
import os
import select
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import PIL.Image
import pytest

from mien_api.folders import Folders
from mien_daemon import keys
from mien_daemon.access.clients import Scope
from mien_daemon.app import create_app
from mien_daemon.config import Config, Settings
from mien_daemon.server import bind, serve_app
from mien_testing.installed_engines import ENGINES, link_engines

LOCAL_TOKEN = "mien_token-of-the-test"


def png(side: int = 8, shade: int = 120) -> bytes:
    """A small picture; another shade is another picture."""
    made = io.BytesIO()
    PIL.Image.new("RGB", (side, side), (shade, 90, 70)).save(made, "png")
    return made.getvalue()


def name_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


class Daemon:
    """A running daemon and the words to talk to it."""

    def __init__(self, app: aiohttp.web.Application, port: int, session: aiohttp.ClientSession) -> None:
        self.app = app
        self.port = port
        self.state: Path = app[keys.CONFIG].folders.state
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        data: object = None,
        token: str | None = LOCAL_TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, json=json, data=data, headers=sent) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def raw(self, request: bytes, *, more: AsyncIterator[bytes] | None = None) -> Reply:
        """Send bytes as they are and read the one answer; `PORT` and `TOKEN` in them are filled in."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        filled = request.replace(b"PORT", str(self.port).encode()).replace(b"TOKEN", LOCAL_TOKEN.encode())
        try:
            writer.write(filled)
            if more is not None:
                try:
                    async for piece in more:
                        writer.write(piece)
                        await writer.drain()
                except ConnectionError:
                    pass  # refused before all was sent; the answer is there to read
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            return Reply(int(lines[0].split()[1]), headers, body)
        finally:
            writer.close()

    async def put(self, data: bytes, **more: Any) -> str:
        answer = await self.ask("PUT", f"/v1/blobs/{name_of(data)}", data=io.BytesIO(data), **more)
        assert answer.status == 201, answer.body
        return name_of(data)

    async def swap(self, orders: str = "", *, picture: bytes | None = None, **options: object) -> Any:
        """Post a swap that the fake runtime does as ordered, and return the job."""
        name = await self.put(picture or png())
        chosen = {"engine": "flux", "prompt": orders, **options}
        answer = await self.ask(
            "POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": name, "options": chosen}
        )
        assert answer.status == 202, answer.body
        return answer.json

    async def watched(self, job: Any, claim: Callable[[Any], object]) -> Any:
        """Long-poll until the claim is true of the job; no change between two polls is missed."""
        path, tag, query = f"/v1/jobs/{job['id']}", "", ""
        while True:
            answer = await self.ask("GET", path + query, headers={"If-None-Match": tag} if tag else {})
            assert answer.status in {200, 304}, answer.body
            if answer.status == 200:
                job, tag, query = answer.json, answer.headers["ETag"], "?wait=20"
            if claim(job):
                return job
            assert job["finished_at"] is None, f"the job is {job['state']} for good"

    async def until(self, job: Any, *states: str) -> Any:
        """The job in one of these states."""
        return await self.watched(job, lambda now: now["state"] in states)

    async def finished(self, job: Any) -> Any:
        return await self.until(job, "done", "failed", "cancelled")

    async def at_work(self, job: Any) -> Any:
        """The job once the worker has begun with it: "running" only says that it is the worker's turn."""
        return await self.watched(job, lambda now: now["stage"] is not None)

    async def eventually(self, claim: Callable[[], object]) -> None:
        """Return when it is so; fail when it is not within a minute."""
        async with asyncio.timeout(60):
            while not claim():  # noqa: ASYNC110 files and processes send no event
                await asyncio.sleep(0.01)

    async def token(self, scope: Scope, name: str = "a script") -> str:
        return (await self.app[keys.CLIENTS].create_token(name, [scope]))[1]


async def find_one_face(_picture: str) -> list[dict[str, object]]:
    """What a worker finds in the picture of one person."""
    return [{"index": 0, "bbox": [2.0, 2.0, 6.0, 6.0]}]


@pytest.fixture
def picture() -> bytes:
    return png()


HasEnded = Callable[..., bool]


@pytest.fixture
def has_ended() -> HasEnded:
    """Whether a process ends within some seconds, by default whether it has ended by now.

    One that nobody has asked for its status has ended too: an orphan stays so for ever where process 1 does not reap.
    """

    def ended(pid: int, within_s: float = 0.0) -> bool:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([handle], [], [], within_s)[0])
        finally:
            os.close(handle)

    return ended


OpenDaemon = Callable[..., AbstractAsyncContextManager[Daemon]]


def config_for(state: Path, installed: tuple[str, ...] = ENGINES, /, **settings: object) -> Config:
    """A daemon's configuration with everything below one folder, the fake runtime and one worker.

    Args:
        installed: the engines whose models are there.
        settings: by default `mesh` is the usual engine: what `auto` takes of two depends on the machine.
    """
    state.mkdir(mode=0o700, exist_ok=True)
    link_engines(state / "models", installed)
    folders = Folders(state, state / "cache", state / "logs", state / "models")
    return Config(
        folders,
        Settings.model_validate({"port": 0, "devices": "cpu", "default_engine": "mesh", **settings}),
        worker="mien_testing.runtime:fake_runtime",
        heartbeat_timeout_s=60.0,  # the machine may be busy
        cancel_grace_s=60.0,
    )


@pytest.fixture
def open_daemon(tmp_path: Path) -> OpenDaemon:
    """Start a daemon; leave the block and it stops. `settings` and fields of `Config` may be given.

    The models of the engines that are to be `installed` are there.
    """

    @asynccontextmanager
    async def running(
        state: Path | None = None,
        settings: Mapping[str, object] | None = None,
        *,
        installed: tuple[str, ...] = ENGINES,
        **fields: Any,
    ) -> AsyncGenerator[Daemon]:
        config = config_for(state or tmp_path / "state", installed, **(settings or {}))
        config = replace(config, **fields)
        with bind(0) as bound:
            port = int(bound.getsockname()[1])
            app = create_app(config.on_port(port), LOCAL_TOKEN)
            async with serve_app(app, bound), aiohttp.ClientSession() as session:
                yield Daemon(app, port, session)

    return running


@pytest.fixture
async def daemon(open_daemon: OpenDaemon) -> AsyncIterator[Daemon]:
    async with open_daemon() as running:
        yield running


@pytest.fixture
async def empty_daemon(open_daemon: OpenDaemon) -> AsyncIterator[Daemon]:
    """A daemon without any models."""
    async with open_daemon(installed=()) as running:
        yield running
