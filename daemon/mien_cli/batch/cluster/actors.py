"""The actors of a run: all are looked at before one is given anything, and each is made again when it died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar

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
# For its place in the cluster, the start of its process and its import of Mien, on a machine that does much else. What
# takes longer is lost, or waits for a card that another program has.
ANSWER_S = 300.0
CLOSE_S = 10.0
# A swap may take any time. An actor answers a probe at once as long as its node is there.
PROBE_S = 30.0
LOST_S = 60.0

Answer = TypeVar("Answer")


class Actors:
    """One actor a device. A picture goes to the one with the least to do."""

    def __init__(self, begin: Begin, job: Job, signatory: Signatory) -> None:
        self._begin, self._job, self._signatory = begin, job, signatory
        self._models = describe_models(open_store(Path(begin.models_dir), offline=True))
        self._devices = begin.devices
        self._given: list[Any] = []  # the actors that may have the job; `close` tells them to forget it
        self._actors: dict[int, Any] = {}  # those that take pictures, by the number of the device
        self._loads: dict[int, int] = {}
        self._changed = asyncio.Condition()
        self._making = asyncio.Lock()

    async def open(self) -> None:
        """An actor a device, each with the job, which none is given before all have been looked at.

        One that does not answer is done without while there are others. After an error, too, `close` must be called.

        Raises:
            ClusterRefused: none answers, or as `_look_at`.
            ConsentRequired: a node does not believe the record.
        """
        self._devices = self._devices or [{}] * count_devices()
        started = {at: self._start(device) for at, device in enumerate(self._devices)}
        keys = await settle({at: self._look_at(actor) for at, actor in started.items()})
        given = await settle({at: self._give(started[at], key) for at, key in keys.items()})
        self._actors = {at: started[at] for at in given}
        self._loads = dict.fromkeys(given, 0)

    async def swap(self, work: RunJob) -> tuple[Finished | Failed, bytes]:
        """What the actor's worker answered, and the picture that it made: none where it refused.

        Raises:
            ClusterRefused: an actor died, and the next one is not what the first was; or none is left.
        """
        for _ in range(MAX_ATTEMPTS):
            at, actor = await self._take()
            try:  # a picture takes room in the store once an actor has room for it
                picture = ray.put(await asyncio.to_thread(Path(work.target).read_bytes))
                frame, made = await while_there(actor, actor.swap.remote(work.id, picture, dict(work.options)))
                return read_answer(work.id, frame), bytes(made)
            except RayActorError:
                log.warning("an actor died")
                await self._replace(at, actor)
            except TimeoutError:
                log.warning("an actor did not say in %.0f s that it is there: its node is lost", LOST_S)
                await self._leave(at, actor)
            finally:
                await self._give_back(at)
        return Failed(work.id, "worker-died", f"{MAX_ATTEMPTS} actors were ended while they had the picture"), b""

    async def close(self) -> None:
        """Have every actor that was given the job forget it."""
        await asyncio.gather(*(self._close(actor) for actor in self._given))

    async def _close(self, actor: Any) -> None:
        try:
            await asyncio.wait_for(actor.close.remote(), CLOSE_S)
        except (RayError, TimeoutError):
            log.warning("an actor was gone before it could be closed")

    async def _take(self) -> tuple[int, Any]:
        """The actor with the least to do and its number, once it has room; raises `ClusterRefused` if none is left."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._loads or min(self._loads.values()) < IN_FLIGHT)
            if not self._loads:
                raise ClusterRefused("no node is left", reason="node")
            at = min(self._loads, key=self._loads.__getitem__)
            self._loads[at] += 1
            return at, self._actors[at]

    async def _give_back(self, at: int) -> None:
        async with self._changed:
            if at in self._loads:
                self._loads[at] -= 1
            self._changed.notify_all()

    async def _replace(self, at: int, dead: Any) -> None:
        """Another actor for a device, unless another picture has had it made; none if it does not answer."""
        async with self._making:
            if self._actors.get(at) is not dead:
                return
            try:
                actor = self._start(self._devices[at])
                await self._give(actor, await self._look_at(actor))
                self._actors[at] = actor
            except TimeoutError:
                log.warning("no other actor was made in %.0f s", ANSWER_S)
                del self._actors[at], self._loads[at]

    async def _leave(self, at: int, lost: Any) -> None:
        """Do without an actor that may still hold its place in the cluster, so that none could take it."""
        async with self._making:
            if self._actors.get(at) is lost:
                del self._actors[at], self._loads[at]

    async def _look_at(self, actor: Any) -> bytes:
        """The key of an actor that may be given the job.

        Raises:
            ClusterRefused: `reason` is "node", "versions", "digests", or a danger of `node.find_dangers`.
            TimeoutError: as `ask`.
        """
        found: dict[str, Any] = await ask(actor.describe.remote())
        EgressLog(Path(self._begin.models_dir) / "egress.log").note(found["host"], None, "ray")
        require_equal(found, product_version(), self._models, needed_models(self._begin.engine))
        if found["dangers"] and not self._begin.is_own:
            raise ClusterRefused("the cluster lets strangers in", reason=found["dangers"][0], node=found["host"])
        return bytes(found["key"])

    async def _give(self, actor: Any, key: bytes) -> None:
        """Give an actor the job; raises `ConsentRequired` if it does not believe the record, and as `ask`."""
        self._given.append(actor)
        await ask(actor.begin.remote(seal(self._job, key, self._signatory)))

    def _start(self, device: Mapping[str, str]) -> Any:
        """An actor that waits for a free place of the cluster; it is not made again by Ray, but by `_replace`."""
        begin = self._begin
        own = {"state_dir": begin.state_dir, "models_dir": begin.models_dir} if begin.is_own else {}
        needs = {"num_cpus": 1} if begin.is_own or not ray.cluster_resources().get("GPU") else {"num_gpus": 1}
        made = ray.remote(Node).options(
            **needs, max_restarts=0, max_concurrency=IN_FLIGHT + 2, scheduling_strategy="SPREAD"
        )
        return made.remote(own, begin.worker if begin.is_own else "", dict(device))


async def ask(call: Awaitable[Answer]) -> Answer:
    """What an actor answers.

    Raises:
        MienError: what it refused; `ClusterRefused` with "node" where it is gone or cannot be made.
        TimeoutError: there was no answer in `ANSWER_S`.
    """
    try:
        return await asyncio.wait_for(call, ANSWER_S)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, MienError) else error from error
    except RayActorError as error:
        raise ClusterRefused("a node cannot do what this Mien asks of it", reason="node") from error


async def while_there(actor: Any, call: Awaitable[Answer]) -> Answer:
    """What an actor answers, however long that takes.

    Raises:
        TimeoutError: the actor did not say in `LOST_S` that it is there.
        RayError: what became of the call, or of the actor.
    """
    answer = asyncio.ensure_future(call)
    try:
        while not (await asyncio.wait([answer], timeout=PROBE_S))[0]:
            await asyncio.wait_for(actor.is_there.remote(), LOST_S)
        return await answer
    finally:
        answer.cancel()


async def settle(calls: Mapping[int, Awaitable[Answer]]) -> dict[int, Answer]:
    """What each call came to, once all have ended, without those that had no answer in time.

    Raises:
        ClusterRefused: none had.
        Exception: what the first one that failed for another reason raised.
    """
    ends = dict(zip(calls, await asyncio.gather(*calls.values(), return_exceptions=True), strict=True))
    answers: dict[int, Answer] = {}
    for at, end in ends.items():
        if not isinstance(end, BaseException):
            answers[at] = end
        elif not isinstance(end, TimeoutError):
            raise end
    if not answers:
        raise ClusterRefused("no node answers", reason="node")
    if len(answers) < len(ends):
        log.warning("%d of %d actors did not answer in %.0f s", len(ends) - len(answers), len(ends), ANSWER_S)
    return answers


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
