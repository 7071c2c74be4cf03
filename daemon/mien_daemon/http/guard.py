"""The guard: what every request passes before a handler sees it.

In this order: a path as target → the exact Host → Sec-Fetch-Site → Origin → no upgrade → a token that allows the
route → the setting that opens it → no encoded body. A program on this machine can forge Host, Sec-Fetch-Site and
Origin: those checks keep web pages out and authenticate no client. The bearer token does that.
"""

import re

from aiohttp import web

from mien_api.errors import (
    ForeignOrigin,
    MethodNotAllowed,
    RequestTooLarge,
    StateUnavailable,
    UnknownRoute,
    Unpaired,
    UnsupportedMediaType,
    WrongHost,
    WrongScope,
)
from mien_api.problems import RETRY_AFTER_S, problem_for
from mien_core.errors import BadRequest
from mien_daemon.access.clients import Client
from mien_daemon.http.route import Handler, Route
from mien_daemon.keys import CLIENT, CLIENTS, CONFIG, CONNECTIONS, DATABASE, SETTINGS

ROUTES: web.AppKey[dict[object, Route]] = web.AppKey("routes", dict)
"""The route of each handler."""

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
async def note_connection(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connections that this one is at work."""
    connections, connection = request.app[CONNECTIONS], request.protocol
    connections.begin(connection)
    try:
        return await handler(request)
    finally:
        connections.finish(connection)


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error raised inside into a problem document."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem_response(_rename_refusal(error))
    except ConnectionError:
        raise  # the client is gone, so no answer can reach it
    except web.RequestPayloadError:
        return problem_response(BadRequest("the body is malformed or incomplete"))
    except OSError as error:
        return problem_response(name_missing_state(request, error))
    except Exception as error:  # noqa: BLE001 the last line of defence: a traceback never reaches a client
        return problem_response(error)


def name_missing_state(request: web.Request, error: OSError) -> Exception:
    """Say of a file that is missing that the whole state folder is; other refusals of the system as they are."""
    try:
        request.app[DATABASE].require_present()
    except StateUnavailable as gone:
        request.app[DATABASE].removed.set()
        return gone
    return error


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pass the request on if its sender may make it.

    Raises:
        BadRequest, WrongHost, ForeignOrigin, Unpaired, WrongScope, UnsupportedMediaType: see the order above.
    """
    check_target(request)
    check_host(request)
    route = request.app[ROUTES].get(request.match_info.handler)
    check_site(request, navigable=route is not None and route.navigable)
    check_origin(request)
    if "Upgrade" in request.headers:
        raise ForeignOrigin("there are no web sockets here", field="Upgrade")
    if route is None or route.scope is not None:
        client = authenticate(request)
        if route is not None and route.scope is not None and not client.may(route.scope):
            raise WrongScope(f"this token does not allow {route.scope}", needs=route.scope)
        request[CLIENT] = client
        request.app[CONNECTIONS].name(request.protocol, client)
        request.app[CLIENTS].touch(client)
    if route is not None and not is_open(request, route):
        raise UnknownRoute("there is nothing at this path")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("bodies are taken as they are, not encoded", field="Content-Encoding")
    await let_body_in(request)
    return await handler(request)


def is_open(request: web.Request, route: Route) -> bool:
    """Whether the person has opened this route, where it has to be opened."""
    return route.setting is None or bool(getattr(request.app[SETTINGS].current, route.setting))


async def leave_to_guard(_request: web.Request) -> None:
    """Replace aiohttp's answer to `Expect`, which would ask for the body before the guard has checked the token."""


async def let_body_in(request: web.Request) -> None:
    """Answer `Expect: 100-continue`, now that the guard has let the request pass."""
    expected = request.headers.get("Expect")
    if expected is None or request.version < (1, 1):
        return
    if expected.lower() != "100-continue":
        raise BadRequest("only 100-continue can be expected", field="Expect")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer proper has not begun, as aiohttp's own handler does it


def check_target(request: web.Request) -> None:
    """Take only a path: `GET http://elsewhere/` would let a request choose its own host name."""
    if not request.raw_path.startswith("/") or request.raw_path.startswith("//"):
        raise BadRequest("the request target must be a path", field="target")


def check_host(request: web.Request) -> None:
    """Compare the raw Host line: a rebound name arrives on the right port with the wrong name."""
    port = request.app[CONFIG].settings.port
    if request.headers.getall("Host", []) != [f"127.0.0.1:{port}"]:
        raise WrongHost("the Host line does not name this server")


def check_site(request: web.Request, *, navigable: bool) -> None:
    """Check Sec-Fetch-Site and Sec-Fetch-Mode; only browsers send them."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise ForeignOrigin("another site's page may not ask this", field="Sec-Fetch-Site")
    if request.headers.get("Sec-Fetch-Mode") == "navigate" and not navigable:
        raise ForeignOrigin("this is not a page", field="Sec-Fetch-Mode")


def check_origin(request: web.Request) -> None:
    """Take no Origin, this server's own, or any extension's; `authenticate` checks which extension."""
    for origin in request.headers.getall("Origin", []):
        if origin != own_origin(request) and not EXTENSION_ORIGIN.fullmatch(origin):
            raise ForeignOrigin("another site's page may not ask this", field="Origin")


def authenticate(request: web.Request) -> Client:
    """The client that the bearer token belongs to.

    Raises:
        Unpaired: there is no token, or it is wrong, expired or revoked.
        ForeignOrigin: the token is bound to another Origin.
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
    is_one_too_many = problem.get("share") == "connections"
    if code in {"request-timeout", "request-too-large"} or problem["status"] == 413 or is_one_too_many:
        response.force_close()
    return response


async def add_standing_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers of every answer; a handler's own value wins."""
    for name, value in STANDING_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)


def _rename_refusal(error: web.HTTPException) -> Exception:
    """The error of ours that says the same as one of aiohttp's."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(f"there is no {error.method} here", allowed=" ".join(sorted(error.allowed_methods)))
    if error.status == 404:
        return UnknownRoute("there is nothing at this path")
    if error.status == 413:
        return RequestTooLarge("the body has too many bytes")
    return BadRequest(error.reason or "the request is malformed")
