"""An administrator pauses and resumes the queue, and unloads and restarts the worker; a browser does neither."""

from typing import Any

import pytest

PATHS = ("/v1/queue/pause", "/v1/queue/resume", "/v1/worker/unload", "/v1/worker/restart")


async def test_a_paused_queue_says_so_until_it_is_resumed(daemon: Any) -> None:
    assert (await daemon.ask("POST", "/v1/queue/pause")).json == {"queued": 0, "running": 0, "paused": True}
    assert (await daemon.ask("GET", "/v1/health")).json["queue"]["paused"] is True
    assert (await daemon.ask("POST", "/v1/queue/resume")).json == {"queued": 0, "running": 0, "paused": False}


@pytest.mark.slow
async def test_an_idle_worker_is_unloaded_and_the_next_job_starts_another(daemon: Any) -> None:
    await daemon.finished(await daemon.swap())
    first = (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"]
    assert (await daemon.ask("POST", "/v1/worker/unload")).status == 204
    assert (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"] is None
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"
    assert (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"] not in {None, first}


@pytest.mark.slow
async def test_a_worker_with_a_job_is_not_unloaded(daemon: Any) -> None:
    job = await daemon.at_work(await daemon.swap("gate=go"))
    assert (await daemon.ask("POST", "/v1/worker/unload")).code == "job-unfinished"
    (daemon.state / "go").touch()
    assert (await daemon.finished(job))["state"] == "done"


@pytest.mark.parametrize("path", PATHS)
async def test_a_browser_decides_nothing_for_others(daemon: Any, path: str) -> None:
    assert (await daemon.ask("POST", path, token=await daemon.token("swap"))).code == "wrong-scope"
