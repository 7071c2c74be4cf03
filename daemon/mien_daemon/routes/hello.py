"""Whether this is Mien; needs no token and says nothing else."""

from aiohttp import web

from mien_daemon.http.body import reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Hello


async def get_hello(_request: web.Request) -> web.Response:
    return reply(Hello())


ROUTES = (Route("GET", "/v1/hello", "get_hello", get_hello, "Whether this is Mien", None, {200: Hello}),)
