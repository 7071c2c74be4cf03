"""Pairing and sessions over HTTP; `access/pairing.py` and `access/sessions.py` decide everything."""

from functools import partial
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, RootModel, WithJsonSchema

from mien_api.errors import ForeignOrigin
from mien_daemon import keys
from mien_daemon.access import handshake
from mien_daemon.access.clients import SESSION_S
from mien_daemon.access.pairing import NAME, PairingState, PairingWindow
from mien_daemon.http.body import read_json, read_query, reply
from mien_daemon.http.guard import EXTENSION_ORIGIN
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body

WAIT_S = 20.0


def _bytes_of(value: object, size: int) -> bytes:
    if isinstance(value, bytes):
        return value  # ours, on its way out
    if not isinstance(value, str):
        raise ValueError("not base64url")
    return handshake.from_text(value, size)


def _text_schema(size: int) -> WithJsonSchema:
    length = -(-size * 4 // 3)
    return WithJsonSchema({"type": "string", "pattern": f"^[A-Za-z0-9_-]{{{length}}}$"})


Bytes32 = Annotated[
    bytes, BeforeValidator(partial(_bytes_of, size=32)), PlainSerializer(handshake.to_text), _text_schema(32)
]
Point = Annotated[
    bytes,
    BeforeValidator(partial(_bytes_of, size=handshake.POINT_BYTES)),
    PlainSerializer(handshake.to_text),
    _text_schema(handshake.POINT_BYTES),
]
ZEROS = "A" * 43
A_POINT = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"  # the curve's own G


class BeginPairing(Body):
    """The client binds itself to a key before it has seen the daemon's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Chromium on Linux", "commitment": ZEROS}]},
    )

    name: str = Field(pattern=f"^{NAME.pattern}$", description="What the person will see in the list of clients.")
    commitment: Bytes32 = Field(description="SHA-256 over the client's public key and nonce.")


class OfferAnswer(Answer):
    """The daemon's half."""

    id: str
    public_key: Point
    nonce: Bytes32
    expires_in_s: int


class RevealStep(Body):
    """What the client had committed to."""

    step: Literal["reveal"]
    public_key: Point
    nonce: Bytes32


class WaitStep(Body):
    """Hold the answer until the person has decided, for at most 20 s."""

    step: Literal["wait"]


class CancelStep(Body):
    """The client gave up, or its person saw other digits."""

    step: Literal["cancel"]


class PairingStep(RootModel[Annotated[RevealStep | WaitStep | CancelStep, Field(discriminator="step")]]):
    """The next step of a pairing."""

    model_config = ConfigDict(
        defer_build=True,
        json_schema_extra={"examples": [{"step": "reveal", "public_key": A_POINT, "nonce": ZEROS}, {"step": "wait"}]},
    )


class OutcomeAnswer(Answer):
    """The state of a pairing; `client` and `confirmation` come with the approval."""

    state: Literal["begun", "shown", "approved", "refused", "cancelled"]
    client: str | None = None
    confirmation: Bytes32 | None = None


class WindowAnswer(Answer):
    """What the person is shown."""

    seconds_left: int
    revision: int = Field(description="Changes with every change of the window: see the query.")
    id: str | None = None
    name: str | None = None
    origin: str | None = None
    state: PairingState | None = None
    digits: str | None = None


class WindowQuery(Body):
    wait: float = Field(0, ge=0, le=WAIT_S, description="Seconds to hold the answer until something changes.")
    seen: int = Field(-1, ge=-1, description="The revision that is known; a newer one is answered at once.")


class ApprovedAnswer(Answer):
    client: str


class BeginSession(Body):
    """The id of a client and a nonce for the daemon to answer; nothing secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"client": "0123456789abcdef", "nonce": ZEROS}]})

    client: str = Field(min_length=1, max_length=64)
    nonce: Bytes32


class ChallengeAnswer(Answer):
    """The daemon's proof, to be checked before anything else is sent."""

    id: str
    nonce: Bytes32
    proof: Bytes32


class ProveSession(Body):
    """The client's proof."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proof": ZEROS}]})

    proof: Bytes32


class BearerAnswer(Answer):
    token: str
    expires_in_s: int
    scopes: list[str]


# ── the browser's side ──


async def begin_pairing(request: web.Request) -> web.Response:
    body = await read_json(request, BeginPairing)
    origin = request.headers.get("Origin", "")
    if not EXTENSION_ORIGIN.fullmatch(origin):
        raise ForeignOrigin("only a browser extension is paired; scripts use `mien token create`", field="Origin")
    pairing = request.app[keys.PAIRING]
    offer = pairing.begin(body.name, origin, body.commitment)
    _publish(request.app)
    left = int(pairing.window().seconds_left)
    answer = OfferAnswer(
        id=offer.pairing_id, public_key=offer.daemon_point, nonce=offer.daemon_nonce, expires_in_s=left
    )
    return reply(answer, 201)


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
