"""The worker: it may hang, fall silent or die at any time; jobs do not vanish and the daemon says how things are."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from mien_daemon import keys

pytestmark = pytest.mark.slow

Daemon = Any
OpenDaemon = Any
HasEnded = Callable[..., bool]


async def worker_of(daemon: Daemon) -> Any:
    return (await daemon.ask("GET", "/v1/health")).json["worker"]


async def test_the_worker_starts_with_the_first_job_and_not_before(daemon: Daemon) -> None:
    assert (await worker_of(daemon)) == {"state": "stopped", "pid": None, "device": "cpu", "engine": None, "deaths": 0}
    await daemon.finished(await daemon.swap())
    worker = await worker_of(daemon)
    assert worker["state"] == "idle"
    assert worker["pid"] != os.getpid()


async def test_a_worker_is_started_before_there_is_work_where_that_is_asked(daemon: Daemon) -> None:
    daemon.app[keys.WORKERS].warm()
    await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().state == "idle")
    pid = (await worker_of(daemon))["pid"]
    await daemon.finished(await daemon.swap())
    assert (await worker_of(daemon))["pid"] == pid


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_a_daemon_that_stops_while_a_worker_starts_leaves_none_behind(
    open_daemon: OpenDaemon, has_ended: HasEnded, turns: int
) -> None:
    async with open_daemon() as daemon:
        worker = daemon.app[keys.WORKERS]
        worker.warm()
        for _ in range(turns):
            await asyncio.sleep(0)
        pid = worker.status().pid
    assert worker.status().pid is None
    assert pid is None or has_ended(pid, 20)


async def test_a_daemon_that_stops_while_a_worker_is_being_ended_waits_for_its_end(daemon: Daemon) -> None:
    await daemon.finished(await daemon.swap())
    pid = (await worker_of(daemon))["pid"]
    worker = daemon.app[keys.WORKERS]
    ending = asyncio.create_task(worker.unload())
    await asyncio.sleep(0)
    await worker.shut()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 it does not wait
    await ending


async def test_a_worker_that_dies_once_costs_an_attempt_and_the_job_is_done(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap("die_once=died"))
    assert (job["state"], job["attempts"]) == ("done", 2)
    assert (await worker_of(daemon))["deaths"] == 1


async def test_a_job_that_kills_two_workers_fails_and_the_next_one_is_done(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap("die"))
    assert (job["state"], job["attempts"], job["problem"]["code"]) == ("failed", 2, "worker-died")
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"


async def test_a_killed_worker_is_replaced(daemon: Daemon) -> None:
    job = await daemon.at_work(await daemon.swap("gate=gate"))
    os.kill((await worker_of(daemon))["pid"], signal.SIGKILL)
    (daemon.state / "gate").touch()
    job = await daemon.finished(job)
    assert (job["state"], job["attempts"]) == ("done", 2)


async def test_three_deaths_make_the_daemon_degraded_and_jobs_wait(open_daemon: OpenDaemon) -> None:
    async with open_daemon(restart_delays_s=(0.0,), worker="mien_testing.runtime:dying_runtime") as daemon:
        job = await daemon.swap()
        await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().state == "degraded")
        health = (await daemon.ask("GET", "/v1/health")).json
        assert (health["degraded"], health["worker"]["deaths"]) == (True, 3)
        assert health["notices"]
        waiting = (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json
        assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
        assert (await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")).json["state"] == "cancelled"


async def test_a_degraded_daemon_tries_again_when_the_deaths_are_long_ago(open_daemon: OpenDaemon) -> None:
    fields = {"restart_delays_s": (0.0,), "deaths_window_s": 0.5, "max_deaths": 1}
    async with open_daemon(**fields) as daemon:
        job = await daemon.finished(await daemon.swap("die_once=died"))
        assert (job["state"], job["attempts"]) == ("done", 2)


async def test_a_person_may_ask_for_another_try(open_daemon: OpenDaemon) -> None:
    async with open_daemon(max_deaths=1) as daemon:
        job = await daemon.swap("die_once=died")
        await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().state == "degraded")
        assert (await daemon.ask("POST", "/v1/worker/restart")).status == 204
        assert (await daemon.finished(job))["state"] == "done"


async def test_a_silent_worker_is_killed(open_daemon: OpenDaemon) -> None:
    async with open_daemon(heartbeat_timeout_s=3.0) as daemon:
        job = await daemon.finished(await daemon.swap("silent"))
        assert (job["state"], job["problem"]["code"]) == ("failed", "worker-died")


async def test_a_worker_deaf_to_a_cancel_is_killed_and_that_is_no_death(
    open_daemon: OpenDaemon, has_ended: HasEnded
) -> None:
    async with open_daemon(cancel_grace_s=0.2) as daemon:
        job = await daemon.at_work(await daemon.swap("gate=never deaf"))
        pid = (await worker_of(daemon))["pid"]
        stopped = (await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")).json
        assert stopped["state"] == "cancelled"
        assert has_ended(pid)
        assert (await worker_of(daemon))["deaths"] == 0
        assert (await daemon.finished(await daemon.swap()))["attempts"] == 1


async def test_the_worker_gives_its_memory_back_when_it_has_nothing_to_do(
    open_daemon: OpenDaemon, has_ended: HasEnded
) -> None:
    async with open_daemon(settings={"idle_unload_s": 1}) as daemon:
        job = await daemon.at_work(await daemon.swap("gate=gate"))
        pid = (await worker_of(daemon))["pid"]
        (daemon.state / "gate").touch()
        await daemon.finished(job)
        await daemon.eventually(lambda: daemon.app[keys.WORKERS].status().state == "stopped")
        assert has_ended(pid)
        assert (await worker_of(daemon)) == {
            "state": "stopped",
            "pid": None,
            "device": "cpu",
            "engine": None,
            "deaths": 0,
        }
        assert (await daemon.finished(await daemon.swap()))["state"] == "done"


async def test_a_person_may_have_the_memory_back_at_once_but_not_in_the_middle_of_a_job(
    daemon: Daemon, has_ended: HasEnded
) -> None:
    job = await daemon.at_work(await daemon.swap("gate=gate"))
    pid = (await worker_of(daemon))["pid"]
    assert (await daemon.ask("POST", "/v1/worker/unload")).code == "job-unfinished"
    (daemon.state / "gate").touch()
    await daemon.finished(job)
    assert (await daemon.ask("POST", "/v1/worker/unload")).status == 204
    assert has_ended(pid)


async def test_the_worker_is_gone_when_the_daemon_is(open_daemon: OpenDaemon, has_ended: HasEnded) -> None:
    async with open_daemon() as daemon:
        await daemon.at_work(await daemon.swap("gate=never"))
        pid = (await worker_of(daemon))["pid"]
    assert has_ended(pid)


async def test_faces_are_found_by_the_worker(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    answer = await daemon.ask("GET", f"/v1/blobs/{job['target']}/faces")
    assert (answer.status, answer.json) == (200, {"faces": [], "longest_side": 8})


async def test_a_library_that_is_missing_costs_no_attempt_and_the_next_job_finds_it_once_it_is_there(
    daemon: Daemon,
) -> None:
    job = await daemon.finished(await daemon.swap("fail=library-missing"))
    assert (job["state"], job["problem"]["code"]) == ("failed", "library-missing")
    assert await worker_of(daemon) | {
        "state": "stopped",
        "pid": None,
        "device": "cpu",
        "engine": None,
        "deaths": 0,
    } == await worker_of(daemon)
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"
