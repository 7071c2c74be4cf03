"""The actors of a run: each is looked at before it is given anything, and made again when it died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray  # pyright: ignore[reportMissingImports]
from ray.exceptions import (  # pyright: ignore[reportMissingImports]
    RayActorError,
    RayError,
    RayTaskError,
)

from mien_cli.batch.cluster.begin import Begin
from mien_cli.batch.cluster.node import Node, describe_models, require_equal
from mien_cli.batch.cluster.sealed import Job, seal
from mien_core.errors import ClusterRefused, MienError
from mien_core.version import product_version
from mien_daemon.worker.messages import LENGTH, Failed, Finished, RunJob, decode
from mien_models.local.egress_log import EgressLog
from mien_models.open_store import open_store
from mien_pipeline.engines.registry import needed_models
from mien_pipeline.trust.authority import Signatory

log = logging.getLogger("mien_cli.ray_process")

IN_FLIGHT = 8  # an actor; the next picture is there before the last one is done
MAX_ATTEMPTS = 5  # a picture ends a worker, which costs it one of two attempts there; it cannot end an actor
CLOSE_S = 10.0


class Actors:
    """One actor a device. A picture goes to the one with the least to do."""

    def __init__(self, begin: Begin, job: Job, signatory: Signatory) -> None:
        self._begin, self._job, self._signatory = begin, job, signatory
        self._models = describe_models(open_store(Path(begin.models_dir), offline=True))
        self._devices = begin.devices
        self._actors: list[Any] = []
        self._loads: list[int] = []
        self._changed = asyncio.Condition()
        self._making = asyncio.Lock()

    async def open(self) -> None:
        """An actor a device, each with the job.

        Raises:
            ClusterRefused: as `_make`.
        """
        self._devices = self._devices or [{}] * count_devices()
        self._actors = list(await asyncio.gather(*(self._make(device) for device in self._devices)))
        self._loads = [0] * len(self._actors)

    async def swap(self, work: RunJob) -> tuple[Finished | Failed, bytes]:
        """What the actor's worker answered, and the picture that it made: none where it refused.

        Raises:
            ClusterRefused: an actor died, and the next one is not what the first was.
        """
        for _ in range(MAX_ATTEMPTS):
            at = await self._take()
            actor = self._actors[at]
            try:  # a picture takes room in the store once an actor has room for it
                picture = ray.put(await asyncio.to_thread(Path(work.target).read_bytes))
                frame, made = await actor.swap.remote(work.id, picture, dict(work.options))
                return read_answer(work.id, frame), bytes(made)
            except RayActorError:
                log.warning("an actor died")
                await self._replace(at, actor)
            finally:
                await self._give_back(at)
        return Failed(work.id, "worker-died", f"{MAX_ATTEMPTS} actors were ended while they had the picture"), b""

    async def close(self) -> None:
        """Have every actor forget the job."""
        for actor in self._actors:
            try:
                await asyncio.wait_for(actor.close.remote(), CLOSE_S)
            except (RayError, TimeoutError):
                log.warning("an actor was gone before it could be closed")

    async def _take(self) -> int:
        """The number of the actor with the least to do, once one has room."""
        async with self._changed:
            await self._changed.wait_for(lambda: min(self._loads) < IN_FLIGHT)
            at = self._loads.index(min(self._loads))
            self._loads[at] += 1
            return at

    async def _give_back(self, at: int) -> None:
        async with self._changed:
            self._loads[at] -= 1
            self._changed.notify_all()

    async def _replace(self, at: int, dead: Any) -> None:
        """Another actor for a device, unless another picture has had it made."""
        async with self._making:
            if self._actors[at] is dead:
                self._actors[at] = await self._make(self._devices[at])

    async def _make(self, device: Mapping[str, str]) -> Any:
        """An actor that was looked at and has the job.

        Raises:
            ClusterRefused: `reason` is "node", "versions", "digests", or a danger of `node.find_dangers`.
            ConsentRequired: the node does not believe the record.
        """
        actor = self._start(device)
        try:
            found: dict[str, Any] = await actor.describe.remote()
            EgressLog(Path(self._begin.models_dir) / "egress.log").note(found["host"], None, "ray")
            require_equal(found, product_version(), self._models, needed_models(self._begin.engine))
            if found["dangers"] and not self._begin.is_own:
                raise ClusterRefused("the cluster lets strangers in", reason=found["dangers"][0], node=found["host"])
            await actor.begin.remote(seal(self._job, found["key"], self._signatory))
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, MienError) else error from error
        except RayActorError as error:
            raise ClusterRefused("a node cannot do what this Mien asks of it", reason="node") from error
        return actor

    def _start(self, device: Mapping[str, str]) -> Any:
        """An actor that waits for a free place of the cluster; it is not made again by Ray, but by `_replace`."""
        begin = self._begin
        own = {"state_dir": begin.state_dir, "models_dir": begin.models_dir} if begin.is_own else {}
        needs = {"num_cpus": 1} if begin.is_own or not ray.cluster_resources().get("GPU") else {"num_gpus": 1}
        made = ray.remote(Node).options(
            **needs, max_restarts=0, max_concurrency=IN_FLIGHT + 2, scheduling_strategy="SPREAD"
        )
        return made.remote(own, begin.worker if begin.is_own else "", dict(device))


def count_devices() -> int:
    """How many actors a running cluster has room for: one a card, or one a node where there is none."""
    return int(ray.cluster_resources().get("GPU", 0)) or sum(bool(node["Alive"]) for node in ray.nodes())


def read_answer(work_id: str, frame: bytes) -> Finished | Failed:
    """The answer in a frame that came from a node, checked as a worker's is.

    Raises:
        ClusterRefused: it is none, or one to other work.
    """
    try:
        message = decode(bytes(frame)[LENGTH.size :])
    except ValueError as error:
        raise ClusterRefused("a node answered what no worker says", reason="node") from error
    if not isinstance(message, Finished | Failed) or message.id != work_id:
        raise ClusterRefused("a node answered to other work", reason="node")
    return message
