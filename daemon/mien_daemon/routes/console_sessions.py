"""Signing in to the console: codes, sessions, and the browsers that stay signed in."""

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_core.errors import BadRequest
from mien_daemon import keys
from mien_daemon.access.clients import IMPLIED, LOCAL, Client
from mien_daemon.access.console_sessions import ANSWER_S, SESSION_S, ConsoleKey
from mien_daemon.access.one_time_codes import CODE_S
from mien_daemon.access.pairing import NAME
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.guard import own_origin
from mien_daemon.http.pairing_schemas import A_POINT, ZEROS, Bytes32, Point, ProveSession, Signature
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body
from mien_daemon.jobs.job import format_time
from mien_daemon.state.clock import StateClock


class ConsoleCode(Answer):
    """A code that opens the page once."""

    code: str
    url: str = Field(examples=["http://127.0.0.1:6436/#code=…"], description="The page, with the code behind the #.")
    expires_in_s: int


class PageKey(Body):
    """The public half of a key that stays in the browser; with it the next tab opens a session of its own."""

    public_key: Point
    name: str = Field(pattern=f"^{NAME.pattern}$", description="What the list of signed-in browsers calls it.")


class RedeemCode(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "A" * 32, "key": {"public_key": A_POINT, "name": "Firefox on Linux"}}]
        },
    )

    code: str = Field(min_length=1, max_length=128)
    key: PageKey | None = Field(None, description="Without one the session ends with its tab.")


class ConsoleSession(Answer):
    """A bearer for this page alone."""

    token: str
    scopes: list[str] = Field(description="What it allows: what the client allows that let the page in.")
    expires_in_s: int
    key: str | None = Field(description="The id of the page's key; null when none was left.")


class ConsoleChallenge(Answer):
    nonce: Bytes32
    expires_in_s: int


class RenewSession(Body):
    """The page's key signs the nonce, for the daemon on this port (daemon/PAIRING.md)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"key": "0" * 32, "nonce": ZEROS, "signature": "A" * 86}]}
    )

    key: str = Field(min_length=1, max_length=64)
    nonce: Bytes32
    signature: Signature


class SignedInBrowser(Answer):
    """A browser that opens the console without a code, until it is signed out."""

    id: str
    name: str
    granted_by: str = Field(description="The id of the paired browser or token that let it in; local for `mien open`.")
    signed_in_at: str | None
    last_used: str | None


class SignedInBrowsers(Answer):
    browsers: list[SignedInBrowser]


async def create_console_code(request: web.Request) -> web.Response:
    return _answer_code(request, request[keys.CLIENT])


async def create_console_code_for_browser(request: web.Request) -> web.Response:
    body = await read_json(request, ProveSession)
    browser = request.app[keys.SESSIONS].prove_opener(request.match_info["id"], body.proof)
    return _answer_code(request, LOCAL, browser.id)


def _answer_code(request: web.Request, client: Client, granted_by: str | None = None) -> web.Response:
    code = request.app[keys.ONE_TIME_CODES].issue(client, granted_by)
    return reply(ConsoleCode(code=code, url=f"{own_origin(request)}/#code={code}", expires_in_s=int(CODE_S)), 201)


async def open_console_session(request: web.Request) -> web.Response:
    body = await read_json(request, RedeemCode)
    grant = request.app[keys.ONE_TIME_CODES].redeem(body.code)
    point, name = (body.key.public_key, body.key.name) if body.key else (None, "")
    try:
        token, key = await request.app[keys.CONSOLE_SESSIONS].open(grant, own_origin(request), point, name)
    except ValueError as error:
        raise BadRequest("this is no point of the curve", field="key.public_key") from error
    return reply(_show_session(grant.client, token, key), 201)


async def begin_console_renewal(request: web.Request) -> web.Response:
    nonce = request.app[keys.CONSOLE_SESSIONS].challenge()
    return reply(ConsoleChallenge(nonce=nonce, expires_in_s=int(ANSWER_S)), 201)


async def renew_console_session(request: web.Request) -> web.Response:
    body = await read_json(request, RenewSession)
    sessions = request.app[keys.CONSOLE_SESSIONS]
    client, token = await sessions.renew(body.key, body.nonce, body.signature, own_origin(request))
    return reply(_show_session(client, token, body.key), 201)


def _show_session(client: Client, token: str, key: str | None) -> ConsoleSession:
    scopes = sorted({scope for own in client.scopes for scope in IMPLIED[own]})
    return ConsoleSession(token=token, scopes=list(scopes), expires_in_s=int(SESSION_S), key=key)


async def list_signed_in_browsers(request: web.Request) -> web.Response:
    clock = request.app[keys.DATABASE].clock
    found = request.app[keys.CONSOLE_SESSIONS].list_all()
    return reply(SignedInBrowsers(browsers=[_show_browser(key, clock) for key in found]))


def _show_browser(key: ConsoleKey, clock: StateClock) -> SignedInBrowser:
    made, used = format_time(clock.show(key.made_at)), format_time(clock.show(key.used_at))
    return SignedInBrowser(id=key.id, name=key.name, granted_by=key.granted_by, signed_in_at=made, last_used=used)


async def revoke_signed_in_browser(request: web.Request) -> web.Response:
    await request.app[keys.CONSOLE_SESSIONS].sign_out(request.match_info["id"])
    return web.Response(status=204)


ROUTES = (
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
        "/v1/pair/sessions/{id}/console",
        "create_console_code_for_browser",
        create_console_code_for_browser,
        "A paired browser proves itself and gets a code that opens the console as this user",
        None,
        {201: ConsoleCode},
        ProveSession,
        problems=("unpaired", "wrong-scope"),
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
    Route(
        "POST",
        "/v1/session/challenge",
        "begin_console_renewal",
        begin_console_renewal,
        "A nonce for a signed-in browser to sign",
        None,
        {201: ConsoleChallenge},
    ),
    Route(
        "POST",
        "/v1/session/renew",
        "renew_console_session",
        renew_console_session,
        "Another session for a browser that is signed in",
        None,
        {201: ConsoleSession},
        body=RenewSession,
        problems=("bad-request", "unpaired"),
    ),
    Route(
        "GET",
        "/v1/sessions",
        "list_signed_in_browsers",
        list_signed_in_browsers,
        "Every browser that is signed in to the console",
        "admin",
        {200: SignedInBrowsers},
    ),
    Route(
        "DELETE",
        "/v1/sessions/{id}",
        "revoke_signed_in_browser",
        revoke_signed_in_browser,
        "Sign a browser out of the console; its sessions end at once",
        "admin",
        {204: None},
    ),
)
