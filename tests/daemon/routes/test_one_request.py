"""A swap in one request is for the client that waits for it: one that leaves takes its job along."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from mien_daemon import keys
from mien_daemon.access.clients import LOCAL
from mien_daemon.http.new_job_schemas import NewSwap
from mien_daemon.jobs.job import Job
from mien_daemon.routes.jobs import ask_from
from mien_daemon.routes.one_request import run


class Asking(dict[object, object]):
    """As much of a request as is read before its job is stored."""

    def __init__(self, app: web.Application) -> None:
        super().__init__({keys.CLIENT: LOCAL})
        self.app = app


async def test_a_client_that_leaves_while_its_job_is_stored_cancels_it(
    daemon: Any, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    name, queue = await daemon.put(picture), daemon.app[keys.QUEUE]
    submit, stored, go_on = queue.submit, asyncio.Event(), asyncio.Event()

    async def submit_slowly(*args: object) -> Job:
        job = await submit(*args)
        stored.set()
        await go_on.wait()
        return cast("Job", job)

    monkeypatch.setattr(queue, "submit", submit_slowly)
    ask = ask_from(NewSwap(kind="swap", target=name, reference=[name], options={}), "mesh")
    asking = asyncio.create_task(run(cast("web.Request", Asking(daemon.app)), ask))
    await stored.wait()
    asking.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert list(daemon.app[keys.UNFINISHED].waiting) == []
    assert daemon.app[keys.UNFINISHED].finished["cancelled"] == 1
