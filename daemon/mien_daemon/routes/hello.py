"""Is this Mien? Anybody may ask, and learns nothing else."""

from aiohttp import web

from mien_daemon.http.body import reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Hello


async def hello(_request: web.Request) -> web.Response:
    return reply(Hello())


ROUTES = (Route("GET", "/v1/hello", hello, "Whether this is Mien", None, {200: Hello}),)
