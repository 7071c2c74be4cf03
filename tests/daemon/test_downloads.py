"""Downloads: one after the other, joined by a second request, stopped by name, and ended in a state that says how."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from mien_api.errors import TooManyRequests
from mien_core.errors import Cancelled, DownloadFailed, LicenceNotAccepted
from mien_daemon import downloads as module
from mien_daemon.access.clients import Client, Scope
from mien_daemon.access.shares import Share
from mien_daemon.config import LiveSettings
from mien_daemon.downloads import Downloads, Transfer
from mien_daemon.events import Events
from mien_models.progress import OnPull, PullProgress
from mien_models.store import ModelStore
from mien_testing.daemon import config_for

BUNDLES = {"both": ("one", "two")}


class Catalogue:
    models = ("one", "two", "three")

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(model for name in names for model in BUNDLES.get(name, (name,)))


class Store:
    """A store that fetches when it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self.offline = False
        self.asked: list[tuple[str, object]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.unread: str | None = None
        self.error: Exception | None = None
        self.progress: list[PullProgress] = []

    def check_licences(self, names: Iterable[str]) -> None:
        if self.unread in list(names):
            raise LicenceNotAccepted("read it first", model=self.unread)

    def stop_pull(self, model: str) -> None:
        self.asked.append(("stop", model))

    def pull(self, names: Sequence[str], listen: OnPull, *, together: Sequence[str], bytes_per_s: float | None) -> None:
        self.asked.append(("pull", (*names, *together, bytes_per_s)))
        self._work(listen)

    def verify(self, names: Sequence[str], listen: OnPull) -> None:
        self.asked.append(("verify", tuple(names)))
        self._work(listen)

    def import_from(self, folder: Path, listen: OnPull) -> None:
        self.asked.append(("import", folder))

    def adopt(self, folder: Path, listen: OnPull) -> None:
        self.asked.append(("adopt", folder))

    def export_to(self, names: Sequence[str], folder: Path, listen: OnPull) -> None:
        self.asked.append(("export", (*names, folder)))

    def remove(self, model: str) -> None:
        self.asked.append(("remove", model))

    def _work(self, listen: OnPull) -> None:
        self.begun.set()
        self.go_on.wait(20)
        for progress in self.progress:
            listen(progress)
        if self.error:
            raise self.error
        listen(progress_at(100))


def progress_at(done: int, **more: Any) -> PullProgress:
    return PullProgress(model="one", stage=more.pop("stage", "download"), done_bytes=done, total_bytes=100, **more)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
async def downloads(store: Store, events: Events, tmp_path: Path) -> AsyncIterator[Downloads]:
    made = Downloads(cast("ModelStore", store), LiveSettings(config_for(tmp_path / "state")), events)
    yield made
    store.go_on.set()
    await made.close()


async def until(downloads: Downloads, events: Events, claim: Callable[[list[Transfer]], bool]) -> list[Transfer]:
    while not claim(transfers := downloads.list_transfers()):
        await events.wait_beyond(events.last)
    return transfers


def states(transfers: Iterable[Transfer]) -> list[str]:
    return [transfer.state for transfer in transfers]


async def test_a_model_is_fetched_and_told_from_queued_to_done(
    downloads: Downloads, store: Store, events: Events
) -> None:
    (queued,) = downloads.download("one", 5000)
    assert (queued.action, queued.name, queued.state) == ("download", "one", "queued")
    (done,) = await until(downloads, events, lambda found: states(found) == ["done"])
    assert (done.done_bytes, done.total_bytes, done.problem) == (100, 100, None)
    assert store.asked == [("pull", ("one", "one", 5000))]
    told = [event.data["state"] for event in events.since(0) or () if event.kind == "download"]
    assert told[0] == "queued"
    assert told[-1] == "done"
    assert {event.subject for event in events.since(0) or ()} == {"one"}


async def test_a_bundle_is_as_many_transfers_as_models_one_after_the_other(
    downloads: Downloads, store: Store, events: Events
) -> None:
    store.go_on.clear()
    assert [transfer.name for transfer in downloads.download("both")] == ["one", "two"]
    store.begun.wait(20)
    assert len(store.asked) == 1, "the second waits for the first"
    store.go_on.set()
    await until(downloads, events, lambda found: states(found) == ["done", "done"])
    assert store.asked == [("pull", ("one", "one", "two", None)), ("pull", ("two", "one", "two", None))]


async def test_a_second_request_joins_the_transfer_that_is_under_way(
    downloads: Downloads, store: Store, events: Events
) -> None:
    store.go_on.clear()
    downloads.download("one")
    downloads.download("one")
    store.go_on.set()
    await until(downloads, events, lambda found: states(found) == ["done"])
    assert len(store.asked) == 1
    downloads.download("one")
    await until(downloads, events, lambda found: states(found) == ["done"] and len(store.asked) == 2)


async def test_nothing_of_a_bundle_is_fetched_before_every_licence_was_accepted(
    downloads: Downloads, store: Store
) -> None:
    store.unread = "two"
    with pytest.raises(LicenceNotAccepted):
        downloads.download("both")
    assert (store.asked, downloads.list_transfers()) == ([], [])


@pytest.mark.parametrize("state", ["paused", "cancelled"])
async def test_a_stopped_download_ends_as_it_was_stopped(
    downloads: Downloads, store: Store, events: Events, state: Any
) -> None:
    store.go_on.clear()
    downloads.download("both")
    store.begun.wait(20)
    assert [transfer.name for transfer in downloads.stop("both", state)] == ["one", "two"]
    store.go_on.set()
    await until(downloads, events, lambda found: states(found) == [state, state])
    assert [what for what, _ in store.asked] == ["pull", "stop", "stop"], "the second was never begun"


async def test_a_download_that_another_process_stopped_is_paused(
    downloads: Downloads, store: Store, events: Events
) -> None:
    store.error = Cancelled("by another process")
    downloads.download("one")
    await until(downloads, events, lambda found: states(found) == ["paused"])


async def test_a_download_that_is_not_under_way_is_stopped_in_other_processes_alone(
    downloads: Downloads, store: Store
) -> None:
    assert downloads.stop("one", "paused") == []
    assert store.asked == [("stop", "one")]


@pytest.mark.parametrize(
    ("error", "code"), [(DownloadFailed("gone"), "download-failed"), (ZeroDivisionError("a secret"), "internal-error")]
)
async def test_a_failed_download_carries_its_problem(
    downloads: Downloads, store: Store, events: Events, error: Exception, code: str
) -> None:
    store.error = error
    downloads.download("one")
    (failed,) = await until(downloads, events, lambda found: states(found) == ["failed"])
    assert failed.problem
    assert failed.problem["code"] == code
    assert "secret" not in str(failed)


async def test_progress_is_told_at_once_at_a_new_stage_or_note_and_else_twice_a_second(
    downloads: Downloads, store: Store, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Time:
        now = 100.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(module, "time", Time)
    store.progress = [
        progress_at(1),
        progress_at(2),
        progress_at(3, note="read this"),
        progress_at(4),
        progress_at(5, stage="verify"),
    ]
    downloads.download("one")
    (done,) = await until(downloads, events, lambda found: states(found) == ["done"])
    told = [(event.data["stage"], event.data["done_bytes"]) for event in events.since(0) or ()]
    assert told == [("", 0), ("download", 1), ("download", 3), ("verify", 5), ("download", 100), ("download", 100)]
    assert done.note == "read this", "a note stays"


async def test_the_other_work_of_the_store_is_a_transfer_too(
    downloads: Downloads, store: Store, events: Events
) -> None:
    downloads.verify(["both"])
    downloads.import_from("/a")
    downloads.import_from("/b", link=True)
    downloads.export_to(["both"], "/c")
    transfers = await until(downloads, events, lambda found: set(states(found)) == {"done"})
    assert [(each.action, each.name) for each in transfers] == [
        ("verify", "one"),
        ("verify", "two"),
        ("import", "/a"),
        ("import", "/b"),
        ("export", "/c"),
    ]
    assert ("import", Path("/a")) in store.asked
    assert ("adopt", Path("/b")) in store.asked
    assert ("export", ("one", "two", Path("/c"))) in store.asked


async def test_everything_installed_is_verified_where_no_name_is_given(downloads: Downloads, store: Store) -> None:
    assert [transfer.name for transfer in downloads.verify(None)] == ["one", "two", "three"]
    assert store


async def test_a_removed_model_is_stopped_first_and_told(downloads: Downloads, store: Store, events: Events) -> None:
    store.go_on.clear()
    downloads.download("one")
    store.begun.wait(20)
    store.go_on.set()
    await downloads.remove("one")
    assert [what for what, _ in store.asked] == ["pull", "stop", "remove"]
    last = list(events.since(0) or [])[-1]
    assert (last.data, last.subject) == ({"action": "remove", "name": "one", "state": "done"}, "one")


async def test_work_begins_as_offline_as_the_settings_are_then(
    downloads: Downloads, store: Store, events: Events, tmp_path: Path
) -> None:
    live = LiveSettings(config_for(tmp_path / "other"))
    offline = Downloads(cast("ModelStore", store), live, events)
    await live.change({"offline": True})
    assert await offline.in_thread(lambda: store.offline) is True
    await offline.close()
    assert await downloads.in_thread(lambda: store.offline) is False


async def test_closing_pauses_what_is_under_way(downloads: Downloads, store: Store) -> None:
    store.go_on.clear()
    downloads.download("both")
    store.begun.wait(20)
    closing = asyncio.create_task(downloads.close())
    await asyncio.sleep(0)  # it has been told to stop
    store.go_on.set()
    await closing
    assert states(downloads.list_transfers()) == ["paused", "paused"]


async def test_a_client_has_its_share_of_transfers_and_another_its_own(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_share", Share("transfers", 1, 30))
    ada, ben = (Client(name, name, frozenset[Scope]({"models"})) for name in ("ada", "ben"))
    downloads.import_from("/a", client=ada)
    for begin in (
        lambda: downloads.import_from("/b", client=ada),
        lambda: downloads.download("one", client=ada),
        lambda: downloads.verify(["one"], client=ada),
        lambda: downloads.export_to(["one"], "/c", client=ada),
    ):
        with pytest.raises(TooManyRequests):
            begin()
    downloads.import_from("/b", client=ben)
    downloads.import_from("/c")


async def test_transfers_that_ended_long_ago_are_forgotten(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    for number in range(5):
        downloads.import_from(f"/{number}")
        await downloads._running[f"import /{number}"].task  # pyright: ignore[reportPrivateUsage]
    assert [transfer.name for transfer in downloads.list_transfers()] == ["/2", "/3", "/4"]
