"""The actors of a run: all are looked at before one is given anything, and each is made again when it died."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import ray  # pyright: ignore[reportMissingImports]
from ray.exceptions import (  # pyright: ignore[reportMissingImports]
    RayActorError,
    RayError,
    RayTaskError,
)

from mien_cli.batch.cluster.begin import Begin
from mien_cli.batch.cluster.node import Node, describe_models, describe_video, require_equal
from mien_cli.batch.cluster.sealed import Job, seal
from mien_core.errors import ClusterRefused, MienError, UnsupportedClip
from mien_core.version import product_version
from mien_daemon.worker.messages import LENGTH, Failed, Finished, RunJob, decode
from mien_models.local.egress_log import EgressLog
from mien_models.open_store import open_store
from mien_pipeline.clips.orders import ANALYSIS, read_orders
from mien_pipeline.engines.registry import needed_models
from mien_pipeline.trust.authority import Signatory

log = logging.getLogger("mien_cli.ray_process")

IN_FLIGHT = 8  # an actor; the next picture is there before the last one is done
SEGMENTS_IN_FLIGHT = 2
CALLS = IN_FLIGHT + SEGMENTS_IN_FLIGHT + 3  # besides, a clip is brought, a probe is answered, and the end is said
PART_BYTES = 16 << 20  # of a clip on its way: its parts go through the object store one by one
MAX_ATTEMPTS = 5  # a picture ends a worker, which costs it one of two attempts there; it cannot end an actor
# For its place in the cluster, the start of its process and its import of Mien, on a machine that does much else. What
# takes longer is lost, or waits for a card that another program has.
ANSWER_S = 300.0
CLOSE_S = 10.0
# A swap may take any time. An actor answers a probe at once as long as its node is there.
PROBE_S = 30.0
LOST_S = 60.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Look:
    """What an actor said of itself: the key that the job is sealed to, and whether it encodes as this machine does."""

    key: bytes
    makes_clips: bool


@dataclass(slots=True, eq=False)
class Place:
    """A device of the cluster with the actor on it.

    Attributes:
        number: the device's.
        makes_clips: it encodes as this machine does.
        loads: how much work of each kind it has.
        clip: the one that it holds; one at a time.
        bringing: held while it is brought.
    """

    number: int
    actor: Any
    makes_clips: bool = False
    loads: Counter[str] = field(default_factory=Counter[str])
    clip: Path | None = None
    bringing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Actors:
    """One actor a device. A picture, or a segment, goes to the one with the least to do."""

    def __init__(self, begin: Begin, job: Job, signatory: Signatory) -> None:
        self._begin, self._job, self._signatory = begin, job, signatory
        self._models = describe_models(open_store(Path(begin.models_dir), offline=True))
        self._devices = begin.devices
        self._given: list[Any] = []  # the actors that may have the job; `close` tells them to forget it
        self._places: list[Place] = []
        self._replacing: set[asyncio.Task[None]] = set()
        self._refusal: MienError | None = None
        self._changed = asyncio.Condition()

    async def open(self) -> None:
        """An actor a device, each with the job, which none is given before all have been looked at.

        One that does not answer is done without while there are others. After an error, too, `close` must be called.

        Raises:
            ClusterRefused: none answers, or as `_look_at`.
            ConsentRequired: a node does not believe the record.
        """
        self._devices = self._devices or [{}] * count_devices()
        started = {at: self._start(device) for at, device in enumerate(self._devices)}
        looks = await settle({at: self._look_at(actor) for at, actor in started.items()})
        given = await settle({at: self._give(started[at], look.key) for at, look in looks.items()})
        self._places = [Place(at, started[at], looks[at].makes_clips) for at in given]

    async def swap(self, work: RunJob) -> tuple[Finished | Failed, bytes]:
        """What the actor's worker answered, and the picture that it made: none where it refused.

        Raises:
            ClusterRefused: an actor died, and the next one is not what the first was; or none is left.
        """
        return await self._have_done(work, IN_FLIGHT, self._swap_at)

    async def render(self, work: RunJob) -> tuple[Finished | Failed, bytes]:
        """The same of a segment, which `work.run` holds as a run of that segment alone; raises as `swap` does."""
        return await self._have_done(work, SEGMENTS_IN_FLIGHT, self._render_at)

    async def close(self) -> None:
        """Have every actor that was given the job forget it."""
        for task in list(self._replacing):
            task.cancel()
        await asyncio.gather(*(self._close(actor) for actor in self._given))

    async def _close(self, actor: Any) -> None:
        try:
            await asyncio.wait_for(actor.close.remote(), CLOSE_S)
        except (RayError, TimeoutError):
            log.warning("an actor was gone before it could be closed")

    async def _have_done(
        self, work: RunJob, most: int, do: Callable[[Place, RunJob], Awaitable[tuple[bytes, bytes]]]
    ) -> tuple[Finished | Failed, bytes]:
        """Have work done at a place that has less than `most` of its kind; where its actor dies, at another place."""
        for _ in range(MAX_ATTEMPTS):
            place = await self._take(work.kind, most)
            try:
                frame, made = await do(place, work)
                return read_answer(work.id, frame), bytes(made)
            except RayActorError:
                log.warning("an actor died")
                await self._leave(place, replace=True)
            except TimeoutError:
                log.warning("an actor did not say in %.0f s that it is there: its node is lost", LOST_S)
                await self._leave(place)
            finally:
                await self._give_back(place, work.kind)
        return Failed(work.id, "worker-died", f"{MAX_ATTEMPTS} actors were ended while they had it"), b""

    async def _swap_at(self, place: Place, work: RunJob) -> tuple[bytes, bytes]:
        picture = ray.put(await asyncio.to_thread(Path(work.target).read_bytes))
        call = place.actor.swap.remote(work.id, picture, dict(work.options))
        return await while_there(place.actor, call)

    async def _render_at(self, place: Place, work: RunJob) -> tuple[bytes, bytes]:
        clip, (order,) = await asyncio.to_thread(read_orders, Path(work.run))
        await self._bring(place, clip)
        analysis = ray.put(await asyncio.to_thread((Path(work.run) / ANALYSIS).read_bytes))
        call = place.actor.render.remote(work.id, asdict(order), analysis, dict(work.options))
        return await while_there(place.actor, call)

    async def _bring(self, place: Place, clip: Path) -> None:
        """Bring a clip to a place, part by part, if it does not lie there."""
        async with place.bringing:
            if place.clip == clip:
                return
            place.clip, at = None, 0
            with clip.open("rb") as file:
                while part := await asyncio.to_thread(file.read, PART_BYTES):
                    await while_there(place.actor, place.actor.hold.remote(at, ray.put(part)))
                    at += len(part)
            place.clip = clip

    async def _take(self, kind: str, most: int) -> Place:
        """The place with the least of this kind to do, once it has room.

        Raises:
            ClusterRefused: none is left, or an actor that came later is refused.
            UnsupportedClip: none makes clips.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._refusal or not self._is_full(kind, most))
            if self._refusal:
                raise self._refusal
            if not self._places:
                raise ClusterRefused("no node is left", reason="node")
            if not (able := self._list_able(kind)):
                raise UnsupportedClip("no node encodes as this machine does", reason="cluster")
            place = min(able, key=lambda each: each.loads[kind])
            place.loads[kind] += 1
            return place

    def _is_full(self, kind: str, most: int) -> bool:
        """Whether there may be room later, and is none now."""
        able = self._list_able(kind)
        return min(each.loads[kind] for each in able) >= most if able else bool(self._replacing)

    def _list_able(self, kind: str) -> list[Place]:
        return [place for place in self._places if place.makes_clips or kind != "help"]

    async def _give_back(self, place: Place, kind: str) -> None:
        async with self._changed:
            place.loads[kind] -= 1
            self._changed.notify_all()

    async def _leave(self, place: Place, *, replace: bool = False) -> None:
        """Do without a place from now on; `replace` has another actor made on its device meanwhile.

        A lost node may still hold its place in the cluster, so that no other actor could take it.
        """
        async with self._changed:
            if place not in self._places:
                return
            self._places.remove(place)
            if replace:
                task = asyncio.create_task(self._replace(place.number))
                self._replacing.add(task)
                task.add_done_callback(self._replacing.discard)

    async def _replace(self, number: int) -> None:
        """Another actor for a device; none if it does not answer. One that is refused ends the run."""
        made: Place | None = None
        refusal: MienError | None = None
        try:
            actor = self._start(self._devices[number])
            look = await self._look_at(actor)
            await self._give(actor, look.key)
            made = Place(number, actor, look.makes_clips)
        except TimeoutError:
            log.warning("no other actor was made in %.0f s", ANSWER_S)
        except MienError as error:
            refusal = error
        except Exception:
            log.exception("no other actor was made")
        async with self._changed:
            self._places += [made] if made else []
            self._refusal = self._refusal or refusal
            if task := asyncio.current_task():
                self._replacing.discard(task)  # before those that wait look
            self._changed.notify_all()

    async def _look_at(self, actor: Any) -> Look:
        """What an actor said that may be given the job.

        Raises:
            ClusterRefused: `reason` is "node", "versions", "digests", or a danger of `node.find_dangers`.
            TimeoutError: as `ask`.
        """
        found: dict[str, Any] = await ask(actor.describe.remote())
        EgressLog(Path(self._begin.models_dir) / "egress.log").note(found["host"], None, "ray")
        require_equal(found, product_version(), self._models, needed_models(self._begin.engine))
        if found["dangers"] and not self._begin.is_own:
            raise ClusterRefused("the cluster lets strangers in", reason=found["dangers"][0], node=found["host"])
        return Look(bytes(found["key"]), bool(found["video"]) and found["video"] == describe_video())

    async def _give(self, actor: Any, key: bytes) -> None:
        """Give an actor the job; raises `ConsentRequired` if it does not believe the record, and as `ask`."""
        self._given.append(actor)
        await ask(actor.begin.remote(seal(self._job, key, self._signatory)))

    def _start(self, device: Mapping[str, str]) -> Any:
        """An actor that waits for a free place of the cluster; it is not made again by Ray, but by `_replace`."""
        begin = self._begin
        own = {"state_dir": begin.state_dir, "models_dir": begin.models_dir} if begin.is_own else {}
        needs = {"num_cpus": 1} if begin.is_own or not ray.cluster_resources().get("GPU") else {"num_gpus": 1}
        made = ray.remote(Node).options(**needs, max_restarts=0, max_concurrency=CALLS, scheduling_strategy="SPREAD")
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
            probe = asyncio.ensure_future(actor.is_there.remote())
            done, _ = await asyncio.wait([answer, probe], timeout=LOST_S, return_when=asyncio.FIRST_COMPLETED)
            if probe in done:
                probe.result()
            elif not done:
                probe.cancel()
                raise TimeoutError
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
