"""The console page: its files, and the one-time code that it trades for a session."""

import functools
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_api.errors import UnknownRoute
from mien_daemon import keys
from mien_daemon.access.clients import IMPLIED
from mien_daemon.access.one_time_codes import CODE_S, CONSOLE_SESSION_S
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.file_answer import is_known
from mien_daemon.http.guard import own_origin
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body

FOLDER = Path(__file__).parents[1] / "console"
START = "index.html"
# Its own scripts and styles, pictures from the API that the page holds itself, and no way to make markup from text.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), clipboard-read=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",  # kept by the browser, asked for again with its ETag
}
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


class ConsoleCode(Answer):
    """A code that opens the page once."""

    code: str
    url: str = Field(examples=["http://127.0.0.1:6436/#code=…"], description="The page, with the code behind the #.")
    expires_in_s: int


class RedeemCode(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "A" * 32}]})

    code: str = Field(min_length=1, max_length=128)


class ConsoleSession(Answer):
    """A bearer for this page alone."""

    token: str
    scopes: list[str] = Field(description="What it allows: what the token allows that asked for the code.")
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class PageFile:
    content: bytes
    media_type: str
    tag: str


@functools.cache
def page_files() -> Mapping[str, PageFile]:
    """Every file of the page by its path; no other file is served."""
    found: dict[str, PageFile] = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            tag = hashlib.sha256(content).hexdigest()[:32]
            found[path.relative_to(FOLDER).as_posix()] = PageFile(content, media_type, tag)
    return found


async def get_console_page(request: web.Request) -> web.Response:
    return _answer(request, START)


async def get_console_file(request: web.Request) -> web.Response:
    return _answer(request, request.match_info["file"])


async def get_nested_console_file(request: web.Request) -> web.Response:
    return _answer(request, f"{request.match_info['folder']}/{request.match_info['file']}")


def _answer(request: web.Request, name: str) -> web.Response:
    file = page_files().get(name)
    if file is None:
        raise UnknownRoute("the console has no such file")
    headers = {**HEADERS, "ETag": f'"{file.tag}"'}
    if is_known(request.headers.get("If-None-Match", ""), file.tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.content, headers=headers, content_type=file.media_type, charset="utf-8")


async def create_console_code(request: web.Request) -> web.Response:
    code = request.app[keys.ONE_TIME_CODES].issue(request[keys.CLIENT])
    return reply(ConsoleCode(code=code, url=f"{own_origin(request)}/#code={code}", expires_in_s=int(CODE_S)), 201)


async def open_console_session(request: web.Request) -> web.Response:
    code = (await read_json(request, RedeemCode)).code
    client, token = request.app[keys.ONE_TIME_CODES].redeem(code, own_origin(request))
    scopes = sorted({scope for own in client.scopes for scope in IMPLIED[own]})
    return reply(ConsoleSession(token=token, scopes=list(scopes), expires_in_s=int(CONSOLE_SESSION_S)), 201)


FILE_ANSWERS = {200: "text/html", 304: None}
ANY_FILE = {200: "*/*", 304: None}
NO_FILE = ("unknown-route",)
ROUTES = (
    Route("GET", "/", "get_console_page", get_console_page, "The console page", None, FILE_ANSWERS, navigable=True),
    Route(
        "GET",
        "/console/{file}",
        "get_console_file",
        get_console_file,
        "A file of the page",
        None,
        ANY_FILE,
        problems=NO_FILE,
    ),
    Route(
        "GET",
        "/console/{folder}/{file}",
        "get_nested_console_file",
        get_nested_console_file,
        "A file of the page",
        None,
        ANY_FILE,
        problems=NO_FILE,
    ),
    Route(
        "POST",
        "/v1/sessions",
        "create_console_code",
        create_console_code,
        "A one-time code that opens the console",
        "admin",
        {201: ConsoleCode},
    ),
    Route(
        "POST",
        "/v1/session",
        "open_console_session",
        open_console_session,
        "Trade a one-time code for a session",
        None,
        {201: ConsoleSession},
        body=RedeemCode,
        problems=("bad-request", "unpaired"),
    ),
)
