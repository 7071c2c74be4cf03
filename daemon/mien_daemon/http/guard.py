"""The door: what every request passes before a handler sees it, in this order.

Origin-form target → the exact Host → where the browser says it comes from → Origin → no upgrade → a token that
may do this → no encoded body. Host, Sec-Fetch-Site and Origin can all be forged by a program on this machine:
they keep web pages out and authenticate nobody. The bearer does that.
"""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from mien_api.errors import (
    ForeignOrigin,
    MethodNotAllowed,
    UnknownRoute,
    Unpaired,
    UnsupportedMediaType,
    WrongHost,
    WrongScope,
)
from mien_api.problems import RETRY_AFTER_S, problem_for
from mien_core.errors import BadRequest
from mien_daemon.access.clients import Client
from mien_daemon.keys import CLIENT, CLIENTS, CONFIG

if TYPE_CHECKING:
    from mien_daemon.http.route import Route  # routes import this module

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ROUTES: web.AppKey[dict[object, "Route"]] = web.AppKey("routes", dict)
"""What the contract says of each handler."""

EXTENSION_ORIGIN = re.compile(
    r"(chrome-extension://[a-p]{32}|moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
STANDING_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever is raised inside leaves as a problem document."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem_response(_own(error))
    except ConnectionError:
        raise  # the client is gone; there is nobody to answer
    except web.RequestPayloadError:
        return problem_response(BadRequest("the body is malformed or incomplete"))
    except Exception as error:  # noqa: BLE001 the last line of defence: a traceback never reaches a client
        return problem_response(error)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who may ask this."""
    check_target(request)
    check_host(request)
    route = request.app[ROUTES].get(request.match_info.handler)
    check_site(request, navigable=route is not None and route.navigable)
    check_origin(request)
    if "Upgrade" in request.headers:
        raise ForeignOrigin("there are no web sockets here", field="Upgrade")
    if route is None or route.scope is not None:
        client = authenticated(request)
        if route is not None and route.scope is not None and not client.may(route.scope):
            raise WrongScope(f"this token does not allow {route.scope}", needs=route.scope)
        request[CLIENT] = client
        await request.app[CLIENTS].touch(client)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("bodies are taken as they are, not encoded", field="Content-Encoding")
    await invite_body(request)
    return await handler(request)


async def leave_to_guard(_request: web.Request) -> None:
    """aiohttp would ask for the body before anybody has looked at the token."""


async def invite_body(request: web.Request) -> None:
    """Answer `Expect: 100-continue`, now that the request may come in."""
    expected = request.headers.get("Expect")
    if expected is None or request.version < (1, 1):
        return
    if expected.lower() != "100-continue":
        raise BadRequest("only 100-continue can be expected", field="Expect")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer proper has not begun, as aiohttp's own handler does it


def check_target(request: web.Request) -> None:
    """Only a path: `GET http://elsewhere/` would let a request choose what its own host is called."""
    if not request.raw_path.startswith("/") or request.raw_path.startswith("//"):
        raise BadRequest("the request target must be a path", field="target")


def check_host(request: web.Request) -> None:
    """The raw Host line, exactly: a rebound name arrives on the right port with the wrong name."""
    port = request.app[CONFIG].settings.port
    if request.headers.getall("Host", []) != [f"127.0.0.1:{port}"]:
        raise WrongHost("the Host line does not name this server")


def check_site(request: web.Request, *, navigable: bool) -> None:
    """What browsers say of where a request comes from; programs say nothing."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise ForeignOrigin("another site's page may not ask this", field="Sec-Fetch-Site")
    if request.headers.get("Sec-Fetch-Mode") == "navigate" and not navigable:
        raise ForeignOrigin("this is not a page", field="Sec-Fetch-Mode")


def check_origin(request: web.Request) -> None:
    """None, this server's own, or an extension's; which extension is the token's business."""
    for origin in request.headers.getall("Origin", []):
        if origin != own_origin(request) and not EXTENSION_ORIGIN.fullmatch(origin):
            raise ForeignOrigin("another site's page may not ask this", field="Origin")


def authenticated(request: web.Request) -> Client:
    """Who holds the bearer.

    Raises:
        Unpaired: no token, or one that is not, or no longer, good.
        ForeignOrigin: a good token sent from an Origin it is not bound to.
    """
    lines = request.headers.getall("Authorization", [])
    scheme, _, token = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
    client = request.app[CLIENTS].authenticate(token.strip()) if scheme.lower() == "bearer" else None
    if client is None:
        raise Unpaired("a valid token is needed")
    if any(origin != client.origin for origin in request.headers.getall("Origin", [])):
        raise ForeignOrigin("this token belongs to another origin", field="Origin")
    return client


def own_origin(request: web.Request) -> str:
    return f"http://127.0.0.1:{request.app[CONFIG].settings.port}"


def problem_response(error: Exception) -> web.Response:
    """The answer for an error, with the headers its status asks for."""
    problem = problem_for(error)
    code = str(problem["code"])
    response = web.json_response(problem, status=int(str(problem["status"])), content_type="application/problem+json")
    if code == "unpaired":
        response.headers["WWW-Authenticate"] = "Bearer"
    if code in RETRY_AFTER_S:
        response.headers["Retry-After"] = str(problem.get("retry_after_s", RETRY_AFTER_S[code]))
    if code == "method-not-allowed":
        response.headers["Allow"] = ", ".join(str(problem["allowed"]).split())
    if code == "range-not-satisfiable":
        response.headers["Content-Range"] = f"bytes */{problem['size']}"
    if code in {"request-timeout", "request-too-large"} or problem["status"] == 413:
        response.force_close()
    return response


async def add_standing_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """On every answer; what a handler has set itself stands."""
    for name, value in STANDING_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)


def _own(error: web.HTTPException) -> Exception:
    """aiohttp's own refusals under our names."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(f"there is no {error.method} here", allowed=" ".join(sorted(error.allowed_methods)))
    if error.status == 404:
        return UnknownRoute("there is nothing at this path")
    if error.status == 413:
        from mien_api.errors import RequestTooLarge

        return RequestTooLarge("the body has too many bytes")
    return BadRequest(error.reason or "the request is malformed")
