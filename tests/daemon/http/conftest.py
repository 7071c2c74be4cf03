"""A server with one handler and no guard: what a helper for handlers does, seen from a client."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mien_daemon.http.guard import answer_problems

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], AbstractAsyncContextManager[TestClient[web.Request, web.Application]]]


@pytest.fixture
def serve() -> Serve:
    @asynccontextmanager
    async def running(handler: Handler) -> AsyncGenerator[TestClient[web.Request, web.Application]]:
        app = web.Application(middlewares=[answer_problems])
        app.router.add_route("*", "/", handler)
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            yield client

    return running
