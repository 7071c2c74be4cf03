"""The daemon's library forgets withdrawn faces in the worker as well, and starts whatever the last daemon left."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import JobUnfinished
from mien_core.errors import UnknownReference
from mien_daemon.events import Events
from mien_daemon.references.consent import Consent
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.open_library import OpenLibrary
from mien_daemon.references.records import KeptPicture


class BusyWorker:
    """A worker that has a job for as many requests as it is told."""

    def __init__(self) -> None:
        self.busy = 0
        self.asked = 0
        self.unloaded = asyncio.Event()

    async def unload(self) -> None:
        self.asked += 1
        if self.busy:
            self.busy -= 1
            raise JobUnfinished("a job runs")
        self.unloaded.set()


@pytest.fixture
async def worker() -> BusyWorker:
    return BusyWorker()


@pytest.fixture
async def events() -> Events:
    return Events()


@pytest.fixture
async def library(tmp_path: Path, worker: Any, events: Events) -> AsyncIterator[OpenLibrary]:
    opened = OpenLibrary(ReferenceLibrary(tmp_path), [worker], events)
    yield opened
    await opened.close()


def add(library: OpenLibrary) -> str:
    return library.library.add(
        [KeptPicture(b"picture", b"")], Consent.given("Ann", "self", adult=True, expires_at=None)
    ).id


async def test_a_picture_is_handed_out_while_its_reference_may_be_used(library: OpenLibrary) -> None:
    reference = add(library)
    assert await library.count(reference) == 1
    assert [*(await library.pictures(reference)).values()] == [b"picture"]
    library.library.withdraw(reference)
    with pytest.raises(UnknownReference):
        await library.count(reference)
    with pytest.raises(UnknownReference):
        await library.pictures(reference)


async def test_the_worker_is_unloaded_at_once_when_it_is_idle(library: OpenLibrary, worker: BusyWorker) -> None:
    library.forget_in_memory()
    async with asyncio.timeout(60):
        await worker.unloaded.wait()
    assert worker.asked == 1


async def test_a_busy_worker_is_asked_again_after_each_event_until_it_is_idle(
    library: OpenLibrary, worker: BusyWorker, events: Events
) -> None:
    worker.busy = 2
    library.forget_in_memory()
    async with asyncio.timeout(60):
        while not worker.unloaded.is_set():
            events.publish("job", {})
            await asyncio.sleep(0)
    assert worker.asked == 3


async def test_closing_gives_up_waiting_for_a_busy_worker(library: OpenLibrary, worker: BusyWorker) -> None:
    worker.busy = 1000
    library.forget_in_memory()
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await library.close()
    assert not worker.unloaded.is_set()


async def test_leftovers_of_the_last_daemon_are_removed_at_the_start(library: OpenLibrary, tmp_path: Path) -> None:
    reference = add(library)
    left = tmp_path / "references" / "00ff.picture"
    left.write_bytes(b"left over")
    await library.start()
    assert not left.exists()
    assert [*(await library.pictures(reference)).values()] == [b"picture"]


async def test_a_ruined_library_does_not_keep_the_daemon_from_starting(
    library: OpenLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(library)
    (tmp_path / "references" / "index.json").write_bytes(b"{")
    await library.start()
    assert "reference-leftovers-kept: UnknownReference" in caplog.text


async def test_a_locked_secret_store_does_not_keep_the_daemon_from_starting(
    library: OpenLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(library)
    (tmp_path / "references" / "00ff.picture").write_bytes(b"left over")
    for key in (tmp_path / "keys").glob("*.key"):
        key.unlink()
    await library.start()
    assert "reference-leftovers-kept: KeyUnavailable" in caplog.text
    assert (tmp_path / "references" / "00ff.picture").exists()
