"""The worker: it may hang, fall silent or die at any time; jobs do not vanish and the daemon says how things are."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import pytest

from mien_daemon import keys
from mien_daemon.worker import messages
from mien_daemon.worker.messages import CancelWork, Failed, Finished, Heartbeat, Progressed, Ready, RunJob, SetUp

Daemon = Any
OpenDaemon = Any
HasEnded = Callable[..., bool]


async def worker_of(daemon: Daemon) -> Any:
    return (await daemon.ask("GET", "/v1/health")).json["worker"]


async def test_the_worker_starts_with_the_first_job_and_not_before(daemon: Daemon) -> None:
    assert (await worker_of(daemon)) == {"state": "stopped", "pid": None, "deaths": 0}
    await daemon.finished(await daemon.swap())
    worker = await worker_of(daemon)
    assert worker["state"] == "idle"
    assert worker["pid"] != os.getpid()


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
        await daemon.eventually(lambda: daemon.app[keys.WORKER].status().state == "degraded")
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
        await daemon.eventually(lambda: daemon.app[keys.WORKER].status().state == "degraded")
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
        await daemon.finished(await daemon.swap())
        pid = (await worker_of(daemon))["pid"]
        await daemon.eventually(lambda: daemon.app[keys.WORKER].status().state == "stopped")
        assert has_ended(pid)
        assert (await worker_of(daemon)) == {"state": "stopped", "pid": None, "deaths": 0}
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
    assert (answer.status, answer.json) == (200, {"faces": []})


# ── the process itself ───────────────────────────────────────────────────────────────────────────────────


def test_every_message_survives_the_pipe() -> None:
    said: list[messages.Message] = [
        SetUp("module:function", "/state", "/models", True),
        RunJob("1", "swap", "/target", ["/reference"], {"faces": [0, 1]}, "/output"),
        CancelWork("1"),
        Ready(),
        Heartbeat(None),
        Progressed("1", "generate", 1, 2),
        Finished("1", {"faces": []}, "image/png", "00"),
        Failed("1", "no-face-found", "none", {"role": "target"}),
    ]
    for message in said:
        frame = messages.encode(message)
        assert messages.decode(frame[messages.LENGTH.size :]) == message


def test_a_frame_too_long_to_be_true_is_refused() -> None:
    with pytest.raises(ValueError, match="frame"):
        messages.body_length(b"\xff\xff\xff\xff")


def test_a_worker_whose_daemon_is_gone_ends() -> None:
    with start_worker() as worker:
        assert worker.stdin
        worker.stdin.close()
        assert worker.wait(20) == 0


def test_what_a_library_prints_does_not_disturb_the_pipe() -> None:
    code = (
        "import os; from mien_daemon.worker.runner import take_standard_streams; "
        "from mien_daemon.worker.messages import Ready; pipe = take_standard_streams()[1]; "
        "print('noise', flush=True); os.write(1, b'noise'); pipe.send(Ready())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert messages.decode(done.stdout[messages.LENGTH.size :]) == Ready()
    assert done.stderr.count(b"noise") == 2


def test_a_worker_reaches_no_network_leaves_no_core_and_keeps_its_files_private() -> None:
    code = (
        "from mien_daemon.worker.isolation import isolate\n"
        "import os, resource, socket\n"
        "isolate()\n"
        "for reach in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "              lambda: socket.getaddrinfo('a.example', 80),\n"
        "              lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))):\n"
        "    try:\n        reach()\n    except PermissionError:\n        print('refused')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], oct(os.umask(0)), os.nice(0) > 0)\n"
        "one, other = socket.socketpair(); one.send(b'x'); print(other.recv(1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused"] * 3 + ["0 0o77 True", "b'x'"]


def start_worker() -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "mien_daemon.worker.runner"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(messages.encode(SetUp("mien_testing.runtime:fake_runtime", "/nowhere", "/nowhere", False)))
    worker.stdin.flush()
    assert messages.read(cast("BinaryIO", worker.stdout)) == Ready()
    return worker
