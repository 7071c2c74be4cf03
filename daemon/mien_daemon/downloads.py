"""Downloads of models: one transfer at a time, one for each model; paused, resumed and cancelled by name."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from mien_api.problems import problem_for
from mien_core.errors import Cancelled
from mien_daemon.access.clients import LOCAL, Client
from mien_daemon.access.shares import Share
from mien_daemon.config import Config, LiveSettings
from mien_daemon.events import Events
from mien_models.environments.environment import EngineEnvironment
from mien_models.open_store import open_store as open_models
from mien_models.progress import OnPull, PullProgress
from mien_models.remote.network import Network
from mien_models.store import ModelStore

log = logging.getLogger(__name__)

EVENT_EVERY_S = 0.5  # all events share one ring, and a progress bar needs no more
KEPT = 500  # transfers that have ended
MOST_OPEN = 32  # of one client; the largest bundle has some ten models
RETRY_AFTER_S = 30
Action = Literal["download", "verify", "import", "export", "install"]
State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
T = TypeVar("T")


class Transfer(BaseModel):
    """One model's download, or another long piece of work in the store.

    `name` is the model's, the folder's for an import, or the engine's for an install; `eta_s` is None while the rate
    is unknown; `note` is something a person should read once; `problem` says why it failed.
    """

    model_config = ConfigDict(frozen=True)

    action: Action
    name: str
    state: State
    stage: str = ""
    model: str | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_s: float = 0.0
    eta_s: float | None = None
    note: str = ""
    problem: dict[str, Any] | None = None


@dataclass(slots=True)
class _OpenTransfer:
    """A transfer that has not ended, and how to stop it."""

    owner: str
    task: asyncio.Task[None]
    stop: threading.Event = field(default_factory=threading.Event)
    stopped_as: State = "paused"  # unless `stop` says otherwise: another process paused it


def open_store(config: Config) -> ModelStore:
    """The store of this daemon.

    Raises:
        InvalidCatalogue: the bundled catalogue was changed, or the person's own is wrong.
    """
    return open_models(config.folders.models, offline=config.settings.offline)


class Downloads:
    """Everything that changes the store for longer than a moment; each step is an event."""

    def __init__(self, store: ModelStore, settings: LiveSettings, events: Events) -> None:
        self.store = store
        self._settings = settings
        self._events = events
        self._share = Share("transfers of models", MOST_OPEN, RETRY_AFTER_S)
        # One at a time: a download has several connections of its own, and the disk is one.
        self._thread = ThreadPoolExecutor(1, "models")
        self._transfers: dict[str, Transfer] = {}
        self._running: dict[str, _OpenTransfer] = {}
        self._told_at: dict[str, float] = {}

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────

    def list_transfers(self) -> list[Transfer]:
        """Every transfer of this daemon's life, the latest state of each."""
        return list(self._transfers.values())

    def download(self, name: str, bytes_per_s: int | None = None, *, client: Client = LOCAL) -> list[Transfer]:
        """Fetch a model or a bundle; a second request for the same model joins the first.

        Raises:
            UnknownModel: there is none of that name.
            LicenceNotAccepted: the licence of one of them has to be read first; none is fetched.
            TooManyRequests: this client has too many transfers open; so for every kind of them.
        """
        models = self.store.catalogue.resolve([name])
        self.store.check_licences(models)
        self._require_room(client)
        return [self._begin("download", model, self._pull(model, models, bytes_per_s), client) for model in models]

    def verify(self, names: Sequence[str] | None, *, client: Client = LOCAL) -> list[Transfer]:
        """Hash these models again, or all that are installed."""
        chosen = self.store.catalogue.resolve(self.store.catalogue.models if names is None else names)
        self._require_room(client)
        return [self._begin("verify", model, self._verify(model), client) for model in chosen]

    def import_from(self, folder: str, *, link: bool = False, client: Client = LOCAL) -> Transfer:
        """Take models from a folder of this machine; with `link`, leave the files where they are."""
        take = self.store.adopt if link else self.store.import_from
        self._require_room(client)
        return self._begin("import", folder, lambda listen: take(Path(folder), listen), client)

    def export_to(self, names: Sequence[str], folder: str, *, client: Client = LOCAL) -> Transfer:
        """Copy installed models to a folder of this machine."""
        chosen = self.store.catalogue.resolve(names)
        self._require_room(client)
        return self._begin("export", folder, lambda listen: self.store.export_to(chosen, Path(folder), listen), client)

    def install_part(self, engine: str, device: str, *, client: Client = LOCAL) -> Transfer:
        """Make the environment that an engine runs in; a second request joins the first."""
        self._require_room(client)

        def install(listen: OnPull) -> None:
            network = None if self.store.offline else Network()
            EngineEnvironment(self.store.root).install(engine, device, network=network, on_progress=listen)

        return self._begin("install", engine, install, client)

    def stop_install(self, engine: str) -> list[Transfer]:
        """Stop making an engine's environment; what was fetched is kept for the next time."""
        key = _key("install", engine)
        if (running := self._running.get(key)) is not None:
            running.stopped_as = "cancelled"
            running.stop.set()
        return [self._transfers[key]] if key in self._transfers else []

    def stop(self, name: str, as_state: Literal["paused", "cancelled"]) -> list[Transfer]:
        """Stop fetching a model or a bundle, in whichever process it runs; the next download resumes it."""
        models = self.store.catalogue.resolve([name])
        for model in models:
            if (running := self._running.get(_key("download", model))) is not None:
                running.stopped_as = as_state
                running.stop.set()
            self.store.stop_pull(model)
        return [self._transfers[key] for model in models if (key := _key("download", model)) in self._transfers]

    async def remove(self, name: str) -> None:
        """Uninstall a model; a download of it is stopped first."""
        self.stop(name, "cancelled")
        if (running := self._running.get(_key("download", name))) is not None:
            await asyncio.wait([running.task])
        await self.in_thread(lambda: self.store.remove(name))
        self._events.publish("download", {"action": "remove", "name": name, "state": "done"}, subject=name)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run a short piece of work on the store off the event loop, beside running transfers."""
        self.store.offline = self._settings.current.offline
        return await asyncio.to_thread(work)

    async def close(self) -> None:
        """Pause every transfer and wait for it; the next daemon resumes it when asked again."""
        for running in self._running.values():
            running.stopped_as = "paused"
            running.stop.set()
        if tasks := [running.task for running in self._running.values()]:
            await asyncio.wait(tasks)
        self._thread.shutdown(wait=True)

    # ── doing ────────────────────────────────────────────────────────────────────────────────────────────

    def _pull(self, model: str, together: Sequence[str], bytes_per_s: int | None) -> Callable[[OnPull], object]:
        return lambda listen: self.store.pull([model], listen, together=together, bytes_per_s=bytes_per_s)

    def _verify(self, model: str) -> Callable[[OnPull], object]:
        return lambda listen: self.store.verify([model], listen)

    def _require_room(self, client: Client) -> None:
        self._share.require_room(client, sum(running.owner == client.id for running in self._running.values()))

    def _begin(self, action: Action, name: str, work: Callable[[OnPull], object], client: Client) -> Transfer:
        key = _key(action, name)
        if key in self._running:
            return self._transfers[key]
        self._forget_old()
        self.store.offline = self._settings.current.offline
        self._show(key, Transfer(action=action, name=name, state="queued"))
        stop = threading.Event()
        self._running[key] = _OpenTransfer(client.id, asyncio.create_task(self._run(key, work, stop)), stop)
        return self._transfers[key]

    def _run(self, key: str, work: Callable[[OnPull], object], stop: threading.Event) -> Coroutine[Any, Any, None]:
        loop = asyncio.get_running_loop()

        def listen(now: PullProgress) -> None:
            if stop.is_set():
                raise Cancelled("the person stopped it")
            loop.call_soon_threadsafe(self._progress, key, now)

        def run() -> None:
            if stop.is_set():
                raise Cancelled("the person stopped it")
            work(listen)

        return self._finish(key, loop.run_in_executor(self._thread, run))

    async def _finish(self, key: str, done: asyncio.Future[None]) -> None:
        """Wait for the thread and tell how it ended."""
        state: State = "done"
        problem: dict[str, Any] | None = None
        try:
            await done
        except Cancelled:
            state = self._running[key].stopped_as
        except Exception as error:  # noqa: BLE001 - every error ends the transfer, or clients would wait for ever
            state, problem = "failed", problem_for(error)
            log.info("%s failed: %s", key, problem["code"])
        finally:
            del self._running[key]
        self._show(key, self._transfers[key].model_copy(update={"state": state, "problem": problem}))

    def _forget_old(self) -> None:
        """Keep no list without end: an import is listed by its folder, and there are many names for folders."""
        ended = [key for key in self._transfers if key not in self._running]
        for key in ended[: max(0, len(ended) - KEPT)]:
            del self._transfers[key]
            self._told_at.pop(key, None)

    def _progress(self, key: str, now: PullProgress) -> None:
        before = self._transfers[key]
        if before.state not in {"queued", "running"}:
            return
        after = before.model_copy(
            update={
                "state": "running",
                "stage": now.stage,
                "model": now.model,
                "done_bytes": now.done_bytes,
                "total_bytes": now.total_bytes,
                "bytes_per_s": now.bytes_per_s,
                "eta_s": now.eta_s,
                "note": now.note or before.note,
            }
        )
        due = time.monotonic() - self._told_at.get(key, -EVENT_EVERY_S) >= EVENT_EVERY_S
        self._transfers[key] = after
        if due or (after.stage, after.note) != (before.stage, before.note):
            self._show(key, after)

    def _show(self, key: str, transfer: Transfer) -> None:
        self._transfers[key] = transfer
        self._told_at[key] = time.monotonic()
        self._events.publish("download", transfer.model_dump(mode="json"), subject=transfer.name)


def _key(action: Action, name: str) -> str:
    return f"{action} {name}"
