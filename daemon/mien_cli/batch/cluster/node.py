"""What runs on a node of the cluster: one actor a device, beside a caged worker like that of any other run.

The class is imported there, not sent: a node without the same Mien cannot make it. The actor itself decodes nothing. It
opens the job, puts its pictures where the worker may read them, and hands over one picture after the other.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mien_api.errors import WorkerDied
from mien_cli.batch.cluster.sealed import open_sealed, public_bytes
from mien_cli.batch.workers import Workers
from mien_core.errors import ClusterRefused, MienError
from mien_core.files import name_system_error
from mien_core.version import product_version
from mien_daemon.config import Config
from mien_daemon.state.run_folder import RunFolder, open_run_folder
from mien_daemon.worker.clips import name_run
from mien_daemon.worker.messages import Failed, Finished, RunJob, encode
from mien_models.local.records import USABLE
from mien_models.open_store import open_store
from mien_models.store import ModelStore
from mien_pipeline.clips.orders import ANALYSIS, SegmentOrder, lay_out_orders

Models = Mapping[str, Sequence[str | None]]
"""The digests of each model's files, in the catalogue's order."""

CLIP = "held.clip"
MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs"}


class Node:
    """One device of one node, for one run."""

    def __init__(self, folders: Mapping[str, str], worker: str, variables: Mapping[str, str]) -> None:
        """Nothing is started yet.

        Args:
            folders: `state_dir` and `models_dir`; none are the node's own.
            worker: "module:function" that makes the runtime; "" for the node's own.
            variables: of the environment, which choose the device.
        """
        os.environ.pop("OMP_NUM_THREADS", None)  # Ray sets it to 1, for tasks that share a processor
        os.environ.update(variables)
        self._config = read_config(folders, worker)
        self._is_elsewhere = not folders
        self._key = X25519PrivateKey.generate()
        self._held = ExitStack()
        self._spool: RunFolder | None = None
        self._workers: Workers | None = None
        self._people: list[list[str]] = []
        self._likes: list[str] = []

    async def describe(self) -> dict[str, Any]:
        """Who this is, what it would work with, and how Ray was started here."""
        store = open_store(self._config.folders.models, offline=True)
        return {
            "version": product_version(),
            "python": platform.python_version(),
            "host": platform.node(),
            "models": describe_models(store),
            "video": describe_video(),
            "key": public_bytes(self._key),
            "dangers": find_dangers(read_facts()),
        }

    async def begin(self, sealed: bytes) -> None:
        """Open the job; raises `ConsentRequired` as `open_sealed` does."""
        self._config.folders.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        job = open_sealed(sealed, self._key, elsewhere=self._is_elsewhere)
        spool = self._spool = self._held.enter_context(open_run_folder(self._config.folders.state))
        for number, person in enumerate(job.people):
            paths = [write(spool.private / f"{number}-{at}.reference", each) for at, each in enumerate(person)]
            self._people.append(paths)
        self._likes = [write(spool.private / f"{at}.like", each) for at, each in enumerate(job.likes)]
        self._workers = Workers(self._config, 1, [spool.pictures, spool.private])

    async def swap(self, work_id: str, picture: bytes, options: Mapping[str, object]) -> tuple[bytes, bytes]:
        """The frame that a worker would answer with, and the picture that it made: none where it refused."""
        if self._spool is None or self._workers is None:
            raise RuntimeError("the job was not begun")
        workers, name = self._workers, hashlib.sha256(work_id.encode()).hexdigest()
        target, made = (self._spool.pictures / f"{name}.{what}" for what in ("target", "result"))

        async def work() -> tuple[bytes, bytes]:
            job = RunJob(work_id, "swap", write(target, picture), self._people, dict(options), str(made), self._likes)
            finished = await workers.run(job)
            return encode(finished), made.read_bytes()

        try:
            return await answer(work_id, work())
        finally:
            for path in (target, made):
                path.unlink(missing_ok=True)

    async def hold(self, at: int, part: bytes) -> None:
        """Keep a part of a clip, from this byte on; the first part takes the place of the clip before."""
        if self._spool is None:
            raise RuntimeError("the job was not begun")
        with (self._spool.pictures / CLIP).open("r+b" if at else "wb") as file:
            file.seek(at)
            file.write(part)

    async def render(
        self, work_id: str, order: Mapping[str, Any], analysis: bytes, options: Mapping[str, object]
    ) -> tuple[bytes, bytes]:
        """As `swap`, of a segment of the clip that is held: the frame's report says what it counted.

        Args:
            work_id: as of a picture.
            order: a `SegmentOrder` as a dictionary.
            analysis: what `Analysis.save` wrote, of the tracks that show in the segment.
            options: the engine's.
        """
        if self._spool is None or self._workers is None:
            raise RuntimeError("the job was not begun")
        clip, folder = self._spool.pictures / CLIP, self._spool.pictures / hashlib.sha256(work_id.encode()).hexdigest()
        job = RunJob(work_id, "help", str(clip), self._people, dict(options), "", self._likes, str(folder))
        workers = self._workers

        async def work() -> tuple[bytes, bytes]:
            run = lay_out_run(job, SegmentOrder(**order), analysis)
            await workers.run(job)
            return read_segment(job, run, SegmentOrder(**order).number)

        try:
            return await answer(work_id, work())
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def is_there(self) -> None:
        """Answer: the run asks while it waits for a picture."""

    async def close(self) -> None:
        """End the worker; the references and the key are gone after it."""
        if self._workers is not None:
            await self._workers.close()
        self._key = X25519PrivateKey.generate()
        self._held.close()


def lay_out_run(job: RunJob, order: SegmentOrder, analysis: bytes) -> Path:
    """A run of one segment, which the worker finds as that of a clip that another one leads; its folder."""
    people = [[Path(picture).read_bytes() for picture in person] for person in (*job.references, job.likes)]
    run = name_run(job, people)
    run.mkdir(mode=0o700, parents=True)
    write(run / ANALYSIS, analysis)
    lay_out_orders(run, Path(job.target), [order])
    return run


def read_segment(job: RunJob, run: Path, number: int) -> tuple[bytes, bytes]:
    """The frame that says what was counted, and the segment; raises `WorkerDied` where the worker made none."""
    from mien_pipeline.clips.guests import read_guests_segment
    from mien_pipeline.clips.journal import describe_tallies, segment_path

    if (made := read_guests_segment(run, number)) is None:
        raise WorkerDied("the worker made no segment")
    finished = Finished(job.id, describe_tallies(made.tallies), "video/mp4", made.sha256)
    return encode(finished), segment_path(run, number).read_bytes()


def read_config(folders: Mapping[str, str], worker: str) -> Config:
    """The node's own configuration; but the node is always offline."""
    config = Config.load({"offline": True}, **folders)
    return replace(config, worker=worker) if worker else config


def describe_models(store: ModelStore) -> Models:
    """The digests of the files of every model that is installed, without those that have changed since."""
    digests = {model.name: [file.sha256 for file in model.files if file.state in USABLE] for model in store.states()}
    return {name: files for name, files in digests.items() if files}


def describe_video() -> str:
    """The version of what encodes clips here; "" where nothing does."""
    try:
        from mien_pipeline.media.clip.segment import name_library
    except ImportError:
        return ""
    return name_library()


def require_equal(found: Mapping[str, Any], version: str, models: Models, needed: Collection[str]) -> None:
    """Return if a node has this version of Mien, the needed models, and the same bytes of every model that both have.

    Raises:
        ClusterRefused: `reason` is "versions" or "digests"; `node` and `model` say where.
    """
    node = found["host"]
    if found["version"] != version:
        raise ClusterRefused(f"{node} has Mien {found['version']}, this is {version}", reason="versions", node=node)
    for model, digests in models.items():
        theirs = found["models"].get(model)
        if theirs != digests and (theirs or model in needed):
            raise ClusterRefused(f"{node} has other files of {model}", reason="digests", node=node, model=model)


@dataclass(frozen=True, slots=True)
class RayFacts:
    """How Ray was started here.

    Attributes:
        config: the cluster's own, as every node has it.
        session: the folder of its logs, in which the store writes what finds no room where it spills nowhere else.
        dashboard: where its page listens; "" where there is none.
    """

    asks_token: bool
    uses_tls: bool
    config: Mapping[str, Any]
    session: str
    dashboard: str = ""


def read_facts() -> RayFacts:
    """What Ray says of itself inside an actor."""
    from ray._private.authentication.authentication_utils import (  # pyright: ignore[reportMissingImports]
        is_token_auth_enabled,
    )
    from ray._private.state import state as cluster_state  # pyright: ignore[reportMissingImports]
    from ray._private.worker import (  # pyright: ignore[reportMissingImports]
        get_dashboard_url,
        global_worker,
    )

    return RayFacts(
        is_token_auth_enabled(),
        os.environ.get("RAY_USE_TLS", "").lower() in {"1", "true"},
        cluster_state.get_system_config(),
        str(global_worker.node.get_session_dir_path()),
        get_dashboard_url() or "",
    )


def find_dangers(facts: RayFacts) -> list[str]:
    """What of this cluster would let a stranger in, or write pictures to a disk.

    "token", "tls": Ray takes calls without it. "spilling": its store writes to a disk when it is full. "dashboard": its
    page listens beyond loopback.
    """
    spills = any(file_system_of(folder) not in MEMORY_FILE_SYSTEMS for folder in list_overflow(facts))
    is_open = facts.dashboard and not facts.dashboard.startswith(("127.", "localhost", "[::1]"))
    found = {"token": not facts.asks_token, "tls": not facts.uses_tls, "spilling": spills, "dashboard": is_open}
    return [danger for danger, is_there in found.items() if is_there]


def list_overflow(facts: RayFacts) -> list[Path]:
    """Where the store writes what finds no room in memory, whether it spills by itself or not."""
    try:
        places = json.loads(facts.config.get("object_spilling_config") or "{}")["params"]["directory_path"]
    except (KeyError, ValueError):
        places = facts.session
    return [Path(place) for place in ([places] if isinstance(places, str) else places)]


def file_system_of(path: Path) -> str:
    """The kind of the file system that a path lies on; "" where it is not known."""
    import psutil

    whole = path.resolve()
    found = [mount for mount in psutil.disk_partitions(all=True) if whole.is_relative_to(mount.mountpoint)]
    return max(found, key=lambda mount: len(mount.mountpoint)).fstype if found else ""


async def answer(work_id: str, work: Awaitable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """What work comes to: a frame and what was made, or the frame of its refusal and nothing."""
    try:
        return await work
    except MienError as error:
        return encode(fail(work_id, error)), b""
    except (OSError, MemoryError) as error:
        if (refusal := name_system_error(error)) is None:
            raise
        return encode(fail(work_id, refusal)), b""


def fail(work_id: str, error: MienError) -> Failed:
    """The answer to work that was refused."""
    return Failed(work_id, error.code, str(error), error.fields)


def write(path: Path, data: bytes) -> str:
    """A file that this user alone can read."""
    path.touch(0o600)
    path.write_bytes(data)
    return str(path)
