"""The contract, generated from the routes themselves."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.openapi import describe
from mien_daemon.routes.body import reply
from mien_daemon.routes.route import Route
from mien_daemon.security import ROUTES as EVERY


async def get_openapi(request: web.Request) -> web.Response:
    return reply(describe(request.app[EVERY].values(), request.app[keys.CONFIG].settings.port))


ROUTES = (Route("GET", "/v1/openapi.json", get_openapi, "This contract", "swap", {200: "application/json"}),)
