"""Once the daemon listens, it does the slowest work of the first answers ahead, while nobody waits for it."""

import asyncio
from collections.abc import Iterator

from aiohttp import web
from pydantic import BaseModel

from mien_daemon import keys
from mien_daemon.routes import ROUTES
from mien_daemon.routes.console import pack_all
from mien_daemon.routes.engines import read_engines


async def warm(app: web.Application) -> None:
    """Build the models of bodies and answers, make the console's files, and look at the engines.

    An answer that comes meanwhile waits for one model at most, which takes a millisecond or, the first, twenty; models
    are built here because two threads may not build the same one. The rest is done in threads, which give way.
    """
    for model in _list_models():
        model.model_rebuild()
        await asyncio.sleep(0)
    await asyncio.to_thread(pack_all)
    await read_engines(app, app[keys.SETTINGS].current.default_engine)


def _list_models() -> Iterator[type[BaseModel]]:
    for route in ROUTES:
        for content in (route.body, route.query, *route.answers.values()):
            for each in content if isinstance(content, tuple) else (content,):
                if isinstance(each, type):
                    yield each
