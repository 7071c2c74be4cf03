"""The client for asyncio has the methods of the one that waits, and a cancelled task leaves no job behind."""

import asyncio
import errno
import inspect
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mien_api.client import DaemonClient, exchange
from mien_api.client.asynchronous import AsyncDaemonClient
from mien_api.errors import UnknownJob, Unpaired
from mien_core.errors import Cancelled, ConsentRequired, DaemonUnreachable, ImageTooLarge, InvalidOptions, NoFaceFound
from mien_daemon.keys import EVENTS
from mien_testing.daemon import name_of

Daemon = Any


@pytest.fixture
def client(daemon: Daemon) -> AsyncDaemonClient:
    return AsyncDaemonClient(daemon.port, "mien_token-of-the-test")


def public(kind: type) -> dict[str, Any]:
    return {name: each for name, each in inspect.getmembers(kind) if not name.startswith("_")}


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    waiting, awaited = public(DaemonClient), public(AsyncDaemonClient)
    assert waiting.keys() == awaited.keys()
    for name, method in waiting.items():
        if callable(method):
            assert inspect.signature(awaited[name]).parameters == inspect.signature(method).parameters, name


@asynccontextmanager
async def tell(body: bytes) -> AsyncGenerator[AsyncDaemonClient]:
    """The client of a daemon whose stream of events is these bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield AsyncDaemonClient(server.sockets[0].getsockname()[1], "mien_x")


async def test_an_event_may_tell_of_a_job_with_a_long_result_and_the_next_one_is_heard_too() -> None:
    told = json.dumps({"result": "é" * 200_000}, ensure_ascii=False)
    stream = f"id: 1\nevent: job\ndata: {told}\n\nid: 2\nevent: queue\ndata: {{}}\n\nid: 3\nevent: jo"
    async with tell(stream.encode()) as client:
        heard = [event async for event in client.events()]
    assert [(event.id, event.kind) for event in heard] == [("1", "job"), ("2", "queue")]
    assert heard[0].data == json.loads(told)


async def test_a_line_of_events_without_an_end_is_an_error_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST_LINE_BYTES", 1000)
    async with tell(b"data: " + bytes(2000)) as client:
        with pytest.raises(DaemonUnreachable) as refused:
            assert [event async for event in client.events()] == []
    assert refused.value.fields["limit_bytes"] == 1000


@pytest.mark.slow
async def test_a_group_is_watched_cancelled_and_tried_again(
    client: AsyncDaemonClient, daemon: Daemon, picture: bytes
) -> None:
    events = client.events()
    name = await client.put_blob(picture)
    ask = {"kind": "restore", "target": name, "options": {"priority": "batch"}, "group": "holiday 1"}
    await client.request("POST", "/v1/queue/pause")
    first = asyncio.ensure_future(anext(events))
    await daemon.eventually(lambda: daemon.app[EVENTS].waiting > 1)
    job = await client.post_job(ask)
    heard = await asyncio.wait_for(first, 20)
    while heard.data.get("id") != job["id"]:
        heard = await asyncio.wait_for(anext(events), 20)
    assert (heard.kind, heard.data["group"]) == ("job", "holiday 1")
    assert (await client.group("holiday 1"))["queued"] == 1
    await client.cancel_group("holiday 1")
    assert (await client.get_job(job["id"]))["state"] == "cancelled"
    await client.retry_group("holiday 1")
    await client.request("POST", "/v1/queue/resume")
    assert (await client.wait(job))["state"] == "done"
    await events.aclose()


@pytest.mark.slow
async def test_a_swap_from_bytes_to_bytes_with_progress(
    client: AsyncDaemonClient, picture: bytes, tmp_path: Path
) -> None:
    seen: list[str] = []
    data, report = await client.swap(picture, picture, {"engine": "mesh"}, lambda job: seen.append(job["state"]))
    assert (data, report["engine"], seen[-1]) == (picture, "mesh", "done")
    (job,) = (await client.list_jobs())["jobs"]
    await client.save_result(job["id"], tmp_path / "made.png")
    assert (tmp_path / "made.png").read_bytes() == picture
    assert (await client.restore(picture, {"amount": 0.5}))[1]["engine"] == "vivid"


@pytest.mark.slow
async def test_a_cancelled_task_cancels_its_job_and_nothing_else_waits_for_it(
    client: AsyncDaemonClient, daemon: Daemon, picture: bytes
) -> None:
    begun = asyncio.Event()
    options = {"engine": "flux", "prompt": "gate=never"}
    swapping = asyncio.create_task(client.swap(picture, picture, options, lambda job: begun.set()))
    await begun.wait()
    swapping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await swapping
    (job,) = (await client.list_jobs())["jobs"]
    assert (await daemon.finished(job))["state"] == "cancelled"
    with pytest.raises(Cancelled):
        await client.wait(job)


@pytest.mark.slow
async def test_refusals_and_failures_are_the_errors_they_are(client: AsyncDaemonClient, picture: bytes) -> None:
    with pytest.raises(InvalidOptions) as wrong:
        await client.swap(picture, picture, {"colour": 1})
    assert wrong.value.fields["field"] == "colour"
    with pytest.raises(NoFaceFound):
        await client.swap(picture, picture, {"engine": "flux", "prompt": "fail=no-face-found"})
    with pytest.raises(UnknownJob):
        await client.result("nobody")
    with pytest.raises(Unpaired):
        await AsyncDaemonClient(client.port, "mien_x").request("GET", "/v1/health")
    with pytest.raises(ConsentRequired):
        await client.add_reference(picture, "Ann", basis="self", adult=False)
    assert await client.list_references() == []


async def test_an_upload_from_a_file_and_one_that_is_refused_in_the_middle(open_daemon: Any, tmp_path: Path) -> None:
    async with open_daemon(settings={"max_blob_bytes": 1000}) as daemon:
        client = AsyncDaemonClient(daemon.port, "mien_token-of-the-test")
        (tmp_path / "small").write_bytes(b"\x89PNG, or nearly")
        assert await client.put_file(tmp_path / "small") == name_of(b"\x89PNG, or nearly")
        with pytest.raises(ImageTooLarge) as refused:
            await client.put_blob(bytes(20_000_000))
        assert refused.value.fields["limit_bytes"] == 1000


async def test_nobody_there_and_something_else_there_are_said_as_that() -> None:
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        with pytest.raises(DaemonUnreachable):
            await AsyncDaemonClient(server.sockets[0].getsockname()[1], "mien_x").request("GET", "/v1/hello")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(DaemonUnreachable):
            await AsyncDaemonClient(unused.getsockname()[1], "mien_x").request("GET", "/v1/hello")


async def test_an_answer_that_ends_too_early_and_one_that_never_comes_are_said_as_that() -> None:
    async def tease(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/half" in asked:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(tease, "127.0.0.1", 0)
    async with server:
        client = AsyncDaemonClient(server.sockets[0].getsockname()[1], "mien_x", timeout_s=0.05)
        for path in ("/half", "/never"):
            with pytest.raises(DaemonUnreachable):
                await client.request("GET", path)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@asynccontextmanager
async def answering(promised: int, sent: int) -> AsyncGenerator[int]:
    """A port where every request is answered with fewer bytes than were promised, or as many."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {promised}\r\n\r\n".encode() + bytes(sent))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_result_that_ends_too_early_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    async with answering(100_000, 50_000) as port:
        with pytest.raises(DaemonUnreachable):
            await AsyncDaemonClient(port, "mien_x").save_result("job", tmp_path / "made.png")
        with pytest.raises(DaemonUnreachable):
            await asyncio.to_thread(DaemonClient(port, "mien_x").save_result, "job", tmp_path / "made.png")
    assert names_in(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
async def test_a_full_disk_is_no_daemon_that_went_away() -> None:
    async with answering(100_000, 100_000) as port:
        with pytest.raises(OSError, match="No space left") as full:
            await AsyncDaemonClient(port, "mien_x").save_result("job", Path("/dev/full"))
        with pytest.raises(OSError, match="No space left") as too:
            await asyncio.to_thread(DaemonClient(port, "mien_x").save_result, "job", Path("/dev/full"))
    assert {full.value.errno, too.value.errno} == {errno.ENOSPC}
    assert "full" in names_in(Path("/dev"))
