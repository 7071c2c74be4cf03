"""The bodies and answers of pairing and of sessions; byte strings travel as base64url."""

from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, RootModel, WithJsonSchema

from mien_daemon.access import handshake
from mien_daemon.access.pairing import NAME, PairingState
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
Signature = Annotated[
    bytes,
    BeforeValidator(partial(_bytes_of, size=handshake.SIGNATURE_BYTES)),
    PlainSerializer(handshake.to_text),
    _text_schema(handshake.SIGNATURE_BYTES),
]
ZEROS = "A" * 43
A_POINT = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"  # the curve's own G


class AskedAnswer(Answer):
    """The window is open for this extension."""

    expires_in_s: int
    watched: bool = Field(description="Whether the tray or the console is there to show the digits.")


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
