"""The contract, generated from the routes."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.guard import ROUTES as EVERY
from mien_daemon.http.openapi import describe
from mien_daemon.http.route import Route


async def get_openapi(request: web.Request) -> web.Response:
    return reply(describe(request.app[EVERY].values(), request.app[keys.CONFIG].settings.port))


ROUTES = (
    Route("GET", "/v1/openapi.json", "get_openapi", get_openapi, "This contract", "swap", {200: "application/json"}),
)
