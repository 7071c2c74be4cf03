"""Whether this is Mien; needs no token and says nothing else."""

from aiohttp import web

from mien_daemon.http.body import reply
from mien_daemon.http.health_schemas import Hello
from mien_daemon.http.route import Route


async def get_hello(_request: web.Request) -> web.Response:
    return reply(Hello())


ROUTES = (Route("GET", "/v1/hello", "get_hello", get_hello, "Whether this is Mien", None, {200: Hello}),)
