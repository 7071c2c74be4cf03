"""Several workers are one to those who ask: the quickest looks at pictures, and each dies and starts alone."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from mien_daemon import keys
from mien_daemon.worker.pool import WorkerPool
from mien_testing.daemon import Daemon, OpenDaemon, png


@pytest.fixture
async def pair(open_daemon: OpenDaemon) -> AsyncIterator[Daemon]:
    """A daemon with two workers."""
    async with open_daemon(settings={"devices": "cpu,cpu"}) as daemon:
        yield daemon


async def workers_of(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await daemon.ask("GET", "/v1/health")).json["workers"]
    return found


async def test_one_job_starts_one_worker_and_two_jobs_start_two(pair: Daemon) -> None:
    await pair.finished(await pair.swap())
    assert [worker["state"] for worker in await workers_of(pair)] == ["idle", "stopped"]
    jobs = [await pair.at_work(await pair.swap("gate=gate")) for _ in range(2)]
    assert [worker["state"] for worker in await workers_of(pair)] == ["busy", "busy"]
    assert len({worker["pid"] for worker in await workers_of(pair)}) == 2
    (pair.state / "gate").touch()
    for job in jobs:
        assert (await pair.finished(job))["state"] == "done"


async def test_a_worker_that_is_killed_costs_the_other_one_nothing(pair: Daemon) -> None:
    first = await pair.at_work(await pair.swap("gate=one"))
    (busy,) = [worker for worker in await workers_of(pair) if worker["state"] == "busy"]
    second = await pair.at_work(await pair.swap("gate=two"))
    (other,) = [worker for worker in await workers_of(pair) if worker["pid"] not in (None, busy["pid"])]
    os.kill(other["pid"], signal.SIGKILL)
    (pair.state / "two").touch()
    done = await pair.finished(second)
    assert (done["state"], done["attempts"]) == ("done", 2)
    (pair.state / "one").touch()
    done = await pair.finished(first)
    assert (done["state"], done["attempts"]) == ("done", 1)


async def test_kills_among_two_workers_lose_no_job_and_do_none_twice(open_daemon: OpenDaemon) -> None:
    """Four here; the benchmark `workers` has sixty, at any moment. Before its gate opens no job can have been done."""
    patient = {"restart_delays_s": (0.0,), "max_deaths": 1000}
    async with open_daemon(settings={"devices": "cpu,cpu"}, **patient) as pair:
        for turn in range(2):
            jobs = [await pair.at_work(await pair.swap(f"gate={turn}")) for _ in range(2)]
            for worker in await workers_of(pair):
                os.kill(worker["pid"], signal.SIGKILL)
            (pair.state / str(turn)).touch()
            jobs.append(await pair.swap())  # waits behind them, or takes a worker that is back
            ended = [await pair.finished(job) for job in jobs]
            assert [(job["state"], job["attempts"]) for job in ended] == [("done", 2), ("done", 2), ("done", 1)]


async def test_faces_are_found_by_the_worker_that_is_free(pair: Daemon) -> None:
    job = await pair.at_work(await pair.swap("gate=gate"))
    digest = await pair.put(png())
    assert (await pair.ask("GET", f"/v1/blobs/{digest}/faces")).status == 200
    assert (await pair.ask("GET", f"/v1/jobs/{job['id']}")).json["state"] == "running"
    (pair.state / "gate").touch()
    await pair.finished(job)


async def test_a_batch_picture_stops_for_a_search_for_faces_and_is_made_afterwards(open_daemon: OpenDaemon) -> None:
    """The gate opens when the faces are there: a search that waited for the picture would wait for ever."""
    async with open_daemon(settings={"devices": "cpu"}) as one:
        picture = await one.put(png())
        batch = await one.at_work(await one.swap("gate=gate", priority="batch"))
        assert (await one.ask("GET", f"/v1/blobs/{picture}/faces")).status == 200
        (one.state / "gate").touch()
        done = await one.finished(batch)
        assert (done["state"], done["attempts"]) == ("done", 1)


async def test_faces_are_looked_for_where_a_batch_picture_is_held_and_not_behind_a_persons(pair: Daemon) -> None:
    """The person's gate opens when the faces are there: a search that waited for it would wait for ever."""
    batch = await pair.at_work(await pair.swap("gate=batch", priority="batch"))
    person = await pair.at_work(await pair.swap("gate=person"))
    await pair.eventually(lambda: any(worker.is_held for worker in pair.app[keys.WORKERS].workers))
    picture = await pair.put(png())
    assert (await pair.ask("GET", f"/v1/blobs/{picture}/faces")).status == 200
    assert (await pair.ask("GET", f"/v1/jobs/{person['id']}")).json["state"] == "running"
    for gate in ("batch", "person"):
        (pair.state / gate).touch()
    for job in (batch, person):
        done = await pair.finished(job)
        assert (done["state"], done["attempts"]) == ("done", 1)


class Waiting:
    """A worker that is in this state and finds itself."""

    is_held = False

    def __init__(self, state: str, *, is_lent: bool = False) -> None:
        self.state, self.is_lent = state, is_lent

    def status(self) -> "Waiting":
        return self

    async def find_faces(self, _: str) -> Any:
        return self


async def test_faces_are_found_by_a_worker_that_only_helps_before_one_that_is_at_work_or_stopped() -> None:
    busy, helping, stopped, idle = Waiting("busy"), Waiting("busy", is_lent=True), Waiting("stopped"), Waiting("idle")
    for workers, first in (((busy, helping, stopped), helping), ((helping, idle), idle)):
        pool: Any = WorkerPool(cast("Any", workers))
        assert await pool.find_faces("picture") is first


async def test_unloading_ends_every_worker_and_none_while_one_is_at_work(pair: Daemon) -> None:
    job = await pair.at_work(await pair.swap("gate=gate"))
    assert (await pair.ask("POST", "/v1/worker/unload")).status == 409
    (pair.state / "gate").touch()
    await pair.finished(job)
    assert (await pair.ask("POST", "/v1/worker/unload?device=cuda")).status == 204
    assert "idle" in {worker["state"] for worker in await workers_of(pair)}
    assert (await pair.ask("POST", "/v1/worker/unload?device=cpu")).status == 204
    assert {worker["state"] for worker in await workers_of(pair)} == {"stopped"}
    assert pair.app[keys.WORKERS].status().pid is None
