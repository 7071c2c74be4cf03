"""Pairing and sessions over HTTP; `access/pairing.py` and `access/sessions.py` decide everything."""

from aiohttp import web

from mien_api.errors import ForeignOrigin
from mien_daemon import keys
from mien_daemon.access.clients import LOCAL, SESSION_S
from mien_daemon.access.pairing import PairingWindow
from mien_daemon.http.body import read_json, read_query, reply
from mien_daemon.http.guard import EXTENSION_ORIGIN
from mien_daemon.http.pairing_schemas import (
    WAIT_S,
    ApprovedAnswer,
    AskedAnswer,
    BearerAnswer,
    BeginPairing,
    BeginSession,
    CancelStep,
    ChallengeAnswer,
    OfferAnswer,
    OutcomeAnswer,
    PairingStep,
    ProveSession,
    RevealStep,
    WindowAnswer,
    WindowQuery,
)
from mien_daemon.http.route import Route

# ── the browser's side ──


async def open_pairing_for_browser(request: web.Request) -> web.Response:
    pairing = request.app[keys.PAIRING]
    if pairing.ask(_require_extension(request)):
        _publish(request.app)
    is_watched = request.app[keys.SHARES].streams.held_by(LOCAL) > 0
    return reply(AskedAnswer(expires_in_s=int(pairing.window().seconds_left), watched=is_watched), 201)


async def begin_pairing(request: web.Request) -> web.Response:
    body = await read_json(request, BeginPairing)
    origin = _require_extension(request)
    pairing = request.app[keys.PAIRING]
    offer = pairing.begin(body.name, origin, body.commitment)
    _publish(request.app)
    left = int(pairing.window().seconds_left)
    answer = OfferAnswer(
        id=offer.pairing_id, public_key=offer.daemon_point, nonce=offer.daemon_nonce, expires_in_s=left
    )
    return reply(answer, 201)


def _require_extension(request: web.Request) -> str:
    origin = request.headers.get("Origin", "")
    if not EXTENSION_ORIGIN.fullmatch(origin):
        raise ForeignOrigin("only a browser extension is paired; scripts use `mien token create`", field="Origin")
    return origin


async def continue_pairing(request: web.Request) -> web.Response:
    step = (await read_json(request, PairingStep)).root
    pairing_id = request.match_info["id"]
    pairing = request.app[keys.PAIRING]
    if isinstance(step, CancelStep):
        await pairing.cancel(pairing_id)
        _publish(request.app)
        return reply(OutcomeAnswer(state="cancelled"))
    if isinstance(step, RevealStep):
        pairing.reveal(pairing_id, step.public_key, step.nonce)
        _publish(request.app)
    elif pairing.outcome(pairing_id).state == "shown":
        await pairing.wait_for_change(WAIT_S)
    outcome = pairing.outcome(pairing_id)
    return reply(OutcomeAnswer(state=outcome.state, client=outcome.client_id, confirmation=outcome.confirmation))


async def begin_session(request: web.Request) -> web.Response:
    body = await read_json(request, BeginSession)
    challenge = request.app[keys.SESSIONS].challenge(body.client, body.nonce)
    return reply(ChallengeAnswer(id=challenge.session_id, nonce=challenge.daemon_nonce, proof=challenge.proof), 201)


async def prove_session(request: web.Request) -> web.Response:
    body = await read_json(request, ProveSession)
    client, token = request.app[keys.SESSIONS].answer(request.match_info["id"], body.proof)
    return reply(BearerAnswer(token=token, expires_in_s=int(SESSION_S), scopes=sorted(client.scopes)))


# ── the person's side ──


async def open_pairing_window(request: web.Request) -> web.Response:
    window = request.app[keys.PAIRING].open()
    _publish(request.app)
    return reply(_show(window))


async def watch_pairing_window(request: web.Request) -> web.Response:
    pairing = request.app[keys.PAIRING]
    query = read_query(request, WindowQuery)
    window = pairing.window()
    if query.wait and window.is_open and query.seen in {-1, window.revision}:
        await pairing.wait_for_change(query.wait)
    return reply(_show(pairing.window()))


async def close_pairing_window(request: web.Request) -> web.Response:
    request.app[keys.PAIRING].close()
    _publish(request.app)
    return web.Response(status=204)


async def approve_pairing(request: web.Request) -> web.Response:
    client = await request.app[keys.PAIRING].approve(request.match_info["id"])
    _publish(request.app)
    return reply(ApprovedAnswer(client=client.id))


async def refuse_pairing(request: web.Request) -> web.Response:
    request.app[keys.PAIRING].refuse(request.match_info["id"])
    _publish(request.app)
    return web.Response(status=204)


def _show(window: PairingWindow) -> WindowAnswer:
    return WindowAnswer(
        seconds_left=int(window.seconds_left),
        revision=window.revision,
        id=window.pairing_id,
        name=window.name,
        origin=window.origin,
        state=window.state,
        digits=window.digits,
    )


def _publish(app: web.Application) -> None:
    """Publish the state to the tray and the console, without the digits."""
    window = app[keys.PAIRING].window()
    app[keys.EVENTS].publish("pairing", {"open": window.is_open, "state": window.state, "name": window.name})


ROUTES = (
    Route(
        "POST",
        "/v1/pair/ask",
        "open_pairing_for_browser",
        open_pairing_for_browser,
        "An extension asks for the window to be opened for it",
        None,
        {201: AskedAnswer},
        problems=("too-many-requests",),
    ),
    Route(
        "POST",
        "/v1/pair",
        "begin_pairing",
        begin_pairing,
        "A browser asks to be paired",
        None,
        {201: OfferAnswer},
        BeginPairing,
        problems=("pairing-closed", "too-many-requests"),
    ),
    Route(
        "GET",
        "/v1/pair/window",
        "watch_pairing_window",
        watch_pairing_window,
        "What the person is shown",
        "local",
        {200: WindowAnswer},
        query=WindowQuery,
    ),
    Route(
        "POST",
        "/v1/pair/window",
        "open_pairing_window",
        open_pairing_window,
        "Open the pairing window for 120 s",
        "local",
        {200: WindowAnswer},
    ),
    Route(
        "DELETE",
        "/v1/pair/window",
        "close_pairing_window",
        close_pairing_window,
        "Close the pairing window",
        "local",
        {204: None},
    ),
    Route(
        "POST",
        "/v1/pair/sessions",
        "begin_session",
        begin_session,
        "The daemon proves itself to a paired browser",
        None,
        {201: ChallengeAnswer},
        BeginSession,
        problems=("unpaired",),
    ),
    Route(
        "POST",
        "/v1/pair/sessions/{id}",
        "prove_session",
        prove_session,
        "A paired browser proves itself and gets a bearer",
        None,
        {200: BearerAnswer},
        ProveSession,
        problems=("unpaired",),
    ),
    Route(
        "POST",
        "/v1/pair/{id}",
        "continue_pairing",
        continue_pairing,
        "The next step of a pairing",
        None,
        {200: OutcomeAnswer},
        PairingStep,
        problems=("pairing-closed",),
    ),
    Route(
        "POST",
        "/v1/pair/{id}/approve",
        "approve_pairing",
        approve_pairing,
        "The person saw the same digits",
        "local",
        {200: ApprovedAnswer},
        problems=("pairing-closed",),
    ),
    Route(
        "POST",
        "/v1/pair/{id}/refuse",
        "refuse_pairing",
        refuse_pairing,
        "The person saw other digits",
        "local",
        {204: None},
        problems=("pairing-closed",),
    ),
)
