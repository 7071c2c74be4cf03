"""The client: what the daemon refuses is raised as the error it is, and a job is followed to its end."""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from mien_api.client import DaemonClient
from mien_api.client.connection import Connection
from mien_api.errors import UnknownJob, Unpaired
from mien_core.errors import Cancelled, ConsentRequired, DaemonUnreachable, InvalidImage, InvalidOptions, NoFaceFound
from mien_daemon.keys import EVENTS, WORKERS
from mien_testing.daemon import find_one_face, name_of, png

Daemon = Any
HANGING = {"engine": "flux", "prompt": "gate=never"}


def stop_politely(job: Mapping[str, Any]) -> None:
    raise Cancelled("the person stopped it")


@pytest.fixture
def client(daemon: Daemon) -> DaemonClient:
    return DaemonClient(daemon.port, "mien_token-of-the-test")


@pytest.mark.slow
async def test_a_swap_from_bytes_to_bytes(client: DaemonClient, picture: bytes) -> None:
    seen: list[str] = []
    data, report = await asyncio.to_thread(
        client.swap, picture, picture, {"engine": "mesh"}, lambda job: seen.append(job["state"])
    )
    assert data == picture
    assert report["engine"] == "mesh"
    assert seen[-1] == "done"


@pytest.mark.slow
async def test_every_picture_of_every_person_is_sent(client: DaemonClient, picture: bytes) -> None:
    """The fake worker uses the first picture of each person; its report names the others."""
    two, three = png(shade=2), png(shade=3)
    options = {"engine": "mesh", "faces": {"like": [name_of(three), name_of(two)]}}
    _, report = await asyncio.to_thread(
        client.swap, picture, [[picture, two], [three]], options, lambda job: None, [three, two]
    )
    assert len(report["faces"]) == 2
    assert [each["name"] for each in report["left_out"]] == [name_of(two)]


@pytest.mark.slow
async def test_a_restore_from_bytes_to_bytes(client: DaemonClient, picture: bytes) -> None:
    label = {"target": "holiday.jpg"}
    data, report = await asyncio.to_thread(client.restore, picture, {"amount": 0.5}, label=label)
    assert (data, report["engine"]) == (picture, "vivid")
    (job,) = (await asyncio.to_thread(client.request, "GET", "/v1/jobs"))["jobs"]
    assert job["label"] == {**label, "references": []}


@pytest.mark.slow
async def test_a_failed_job_raises_what_it_failed_with(client: DaemonClient, picture: bytes) -> None:
    options = {"engine": "flux", "prompt": "fail=no-face-found"}
    with pytest.raises(NoFaceFound) as refused:
        await asyncio.to_thread(client.swap, picture, picture, options)
    assert refused.value.fields["role"] == "target"


async def test_a_refused_request_raises_the_same_errors_as_the_pipeline(client: DaemonClient, picture: bytes) -> None:
    with pytest.raises(InvalidOptions) as wrong:
        await asyncio.to_thread(client.swap, picture, picture, {"colour": 1})
    assert wrong.value.fields["field"] == "colour"
    with pytest.raises(InvalidImage):
        await asyncio.to_thread(client.swap, b"no picture at all", picture, {})
    with pytest.raises(UnknownJob):
        await asyncio.to_thread(client.result, "nobody")
    with pytest.raises(Unpaired):
        await asyncio.to_thread(DaemonClient(client.port, "mien_x").request, "GET", "/v1/health")


@pytest.mark.slow
async def test_a_job_that_is_cancelled_raises_that(client: DaemonClient, daemon: Daemon) -> None:
    job = await daemon.swap("gate=never")
    waiting = asyncio.create_task(asyncio.to_thread(client.wait, job))
    await daemon.until(job, "running")
    await asyncio.to_thread(client.cancel, job["id"])
    with pytest.raises(Cancelled):
        await waiting


@pytest.mark.slow
async def test_what_a_listener_raises_cancels_the_job(client: DaemonClient, daemon: Daemon, picture: bytes) -> None:
    """A script's own stop button: `Cancelled` or any exception of its own."""

    class EnoughError(Exception):
        pass

    def stop(job: Mapping[str, Any]) -> None:
        raise EnoughError

    for raised, on_job in ((EnoughError, stop), (Cancelled, stop_politely)):
        with pytest.raises(raised):
            await asyncio.to_thread(client.swap, picture, picture, HANGING, on_job)
    jobs = (await asyncio.to_thread(client.list_jobs))["jobs"]
    assert [(await daemon.finished(job))["state"] for job in jobs] == ["cancelled", "cancelled"]


async def test_jobs_by_page_and_one_by_one(client: DaemonClient, daemon: Daemon) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    ids = [(await daemon.swap())["id"] for _ in range(3)]

    def look() -> None:
        page = client.list_jobs(state="queued", limit=2)
        assert [job["id"] for job in page["jobs"]] == [ids[2], ids[1]]
        assert [job["id"] for job in client.list_jobs(cursor=page["next"])["jobs"]] == [ids[0]]
        assert client.cancel(ids[0])["state"] == "cancelled"
        assert client.retry(ids[0])["state"] == "queued"
        client.delete_job(ids[0])
        with pytest.raises(UnknownJob):
            client.get_job(ids[0])
        assert client.get_job(ids[1])["state"] == "queued"

    await asyncio.to_thread(look)


@pytest.mark.slow
async def test_a_face_is_kept_with_its_statement_used_by_name_and_withdrawn(
    client: DaemonClient, daemon: Daemon, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.app[WORKERS], "find_faces", find_one_face)

    def live() -> None:
        with pytest.raises(ConsentRequired) as refused:
            client.add_reference(picture, "Ann", basis="self", adult=False)
        assert refused.value.fields["field"] == "adult"
        end = datetime(2100, 1, 1, tzinfo=UTC)
        kept = client.add_reference(picture, "Ann", basis="self", adult=True, expires_at=end)
        assert kept["expires_at"] == "2100-01-01T00:00:00+00:00"
        assert [each["name"] for each in client.list_references()] == ["Ann"]
        assert client.swap(picture, f"ref:{kept['id']}")[0]
        client.remove_reference(kept["id"], with_results=True)
        assert client.list_references() == []

    await asyncio.to_thread(live)


async def test_engines_and_models_are_listed(client: DaemonClient) -> None:
    assert "mesh" in {each["name"] for each in await asyncio.to_thread(client.list_engines)}
    assert "face-mesh" in {each["name"] for each in await asyncio.to_thread(client.list_models)}


@pytest.mark.slow
async def test_events_come_through_the_client(client: DaemonClient, daemon: Daemon) -> None:
    def first_states() -> list[str]:
        seen: list[str] = []
        for event in client.events():
            if event.kind == "job":
                seen.append(event.data["state"])
            if seen[-1:] == ["done"]:
                break
        return seen

    reading = asyncio.create_task(asyncio.to_thread(first_states))
    await daemon.eventually(lambda: daemon.app[EVENTS].waiting > 1)
    await daemon.finished(await daemon.swap())
    assert (await reading)[0] == "queued"


async def test_an_upload_that_is_refused_in_the_middle_is_still_understood(open_daemon: Any) -> None:
    async with open_daemon(settings={"max_blob_bytes": 1000}) as daemon:
        from mien_core.errors import ImageTooLarge

        client = DaemonClient(daemon.port, "mien_token-of-the-test")
        with pytest.raises(ImageTooLarge) as refused:
            await asyncio.to_thread(client.put_blob, bytes(5_000_000))
        assert refused.value.fields["limit_bytes"] == 1000


async def test_the_name_of_a_picture_is_its_hash(client: DaemonClient, picture: bytes) -> None:
    assert await asyncio.to_thread(client.put_blob, picture) == f"sha256:{hashlib.sha256(picture).hexdigest()}"


def test_nobody_there_is_said_as_that() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(DaemonUnreachable):
            DaemonClient(unused.getsockname()[1], "mien_x").request("GET", "/v1/hello")


async def test_something_else_on_the_port_is_not_taken_for_a_daemon() -> None:
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DaemonUnreachable):
            await asyncio.to_thread(DaemonClient(port, "mien_x").request, "GET", "/v1/hello")


class Interrupting:
    """A connection on which Ctrl-C falls as the daemon's answer to the n-th request is read, or just before it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, before: bool) -> None:
        self._send: Callable[..., Any] = vars(Connection)["_send"]
        self._left, self._before = at, before

        def send(*arguments: Any) -> Any:
            return self.send(*arguments)

        monkeypatch.setattr(DaemonClient, "_send", send)

    def send(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._before:
            raise KeyboardInterrupt
        answer = self._send(*arguments)
        if self._left == 0:
            raise KeyboardInterrupt
        return answer


def is_interrupted(client: DaemonClient, picture: bytes) -> bool:
    try:
        client.restore(picture, {})
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "before"), [(1, True), (1, False), (2, True), (2, False), (3, True)]
)  # the answer to the third is held back for twenty seconds while nothing changes
async def test_ctrl_c_leaves_no_job_behind_whatever_the_daemon_was_asked_just_then(
    at: int, before: bool, client: DaemonClient, daemon: Daemon, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The requests are: the picture, the job, its state."""
    await daemon.ask("POST", "/v1/queue/pause")
    Interrupting(monkeypatch, at, before=before)
    assert await asyncio.to_thread(is_interrupted, client, picture)
    jobs = (await daemon.ask("GET", "/v1/jobs")).json["jobs"]
    assert {job["state"] for job in jobs} <= {"cancelled"}
