"""Pairing: a window that a person opens, one browser that may come in, six digits that both sides show.

A state machine without HTTP; `routes/pair.py` gives it words, `handshake.py` does its arithmetic, and the whole
protocol with what it defends against is in `daemon/README.md`.

    closed ──open──▶ open ──begin──▶ begun ──reveal──▶ shown ──approve──▶ approved
                      ▲                │                 ├───refuse───▶ refused
                      └── 120 s end every state but approved; cancel ends them all ──▶ closed
"""

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from mien_api.errors import PairingClosed, TooManyRequests
from mien_core.errors import BadRequest
from mien_daemon.access import handshake
from mien_daemon.access.clients import Client

WINDOW_S = 120.0  # long enough to walk through a browser's options page, too short to be forgotten
COLLECT_S = 30.0  # how long an approval waits to be fetched
BEGINS_A_MINUTE = 3  # every begin gives a man in the middle one guess in a million
# A name that can stand in a terminal and in a hash: no escapes, no second line, one encoding.
NAME = re.compile(r"[\w .,:()+/-]{1,60}", re.ASCII)

State = Literal["begun", "shown", "approved", "refused"]


class Book(Protocol):
    """Where a client that was let in is remembered."""

    async def add_paired(self, name: str, origin: str, pairing_key: bytes) -> Client:
        """Keep this browser and the 32-byte key shared with it."""
        ...

    async def revoke(self, client_id: str) -> None:
        """Forget it."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """The daemon's half, sent once the client is bound by its commitment."""

    pairing_id: str
    daemon_point: bytes
    daemon_nonce: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client may know; `client_id` and `confirmation` come with the approval."""

    state: State
    client_id: str | None = None
    confirmation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What the person sees; `digits` once both sides have spoken. Another `revision` is another picture."""

    seconds_left: float
    revision: int
    pairing_id: str | None = None
    name: str | None = None
    origin: str | None = None
    state: State | None = None
    digits: str | None = None

    @property
    def is_open(self) -> bool:
        return self.seconds_left > 0


@dataclass(slots=True)
class _Pending:
    """The one browser at the door."""

    name: str
    origin: str
    commitment: bytes
    pairing_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=handshake.new_key_pair)
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(handshake.NONCE_BYTES))
    state: State = "begun"
    digits: str | None = None
    key: bytes = b""
    transcript: bytes = b""
    client_id: str | None = None

    def outcome(self) -> Outcome:
        if self.state != "approved":
            return Outcome(self.state)
        if self.client_id is None:
            return Outcome("shown")  # said yes, not yet on the disk
        return Outcome(self.state, self.client_id, handshake.confirmation(self.key, self.transcript, self.client_id))


class Pairing:
    """The door: opened by the person, at most one browser in it, approved by the person alone."""

    def __init__(self, clients: Book, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._port = port
        self._clock = clock
        self._closes_at = -1.0
        self._pending: _Pending | None = None
        self._begins: deque[float] = deque()
        self._changed = asyncio.Event()
        self._revision = 0

    # ── the person's side ──

    def open(self) -> Window:
        """Open the window for 120 s; whoever was in the door is sent away."""
        self._pending = None
        self._closes_at = self._clock() + WINDOW_S
        self._tell()
        return self.window()

    def close(self) -> None:
        """Shut the window and forget who was in the door."""
        self._pending = None
        self._closes_at = -1.0
        self._tell()

    def window(self) -> Window:
        """What is to be shown now."""
        left = max(0.0, self._closes_at - self._clock())
        pending = self._in_the_door()
        if pending is None:
            return Window(left, self._revision)
        return Window(
            left, self._revision, pending.pairing_id, pending.name, pending.origin, pending.state, pending.digits
        )

    async def approve(self, pairing_id: str) -> Client:
        """Let the browser in whose digits the person has compared.

        Raises:
            PairingClosed: nobody with this id is waiting to be let in, or it left while this was being written down.
        """
        pending = self._named(pairing_id, "shown")
        pending.state = "approved"
        self._closes_at = self._clock() + COLLECT_S
        client = await self._clients.add_paired(pending.name, pending.origin, pending.key)
        if self._pending is not pending:
            await self._clients.revoke(client.id)
            raise PairingClosed("this pairing is over")
        pending.client_id = client.id
        self._tell()
        return client

    def refuse(self, pairing_id: str) -> None:
        """Send the browser away; the window stays open for another."""
        self._named(pairing_id, "begun", "shown").state = "refused"
        self._tell()

    # ── the browser's side ──

    def begin(self, name: str, origin: str, commitment: bytes) -> Offer:
        """Take a client's commitment and answer with the daemon's key and nonce.

        Raises:
            PairingClosed: no window is open.
            TooManyRequests: another browser is in the door, or this is the fourth try within a minute.
            BadRequest: a name that could not be shown as it is.
        """
        if not NAME.fullmatch(name):
            raise BadRequest("a name is 1 to 60 letters, digits, spaces and . , : ( ) + / - _", field="name")
        now = self._clock()
        pending = self._in_the_door()
        if now >= self._closes_at or (pending is not None and pending.state == "approved"):
            raise PairingClosed("pairing is not open; a person opens it with `mien pair` or in the tray")
        if pending is not None and pending.state != "refused":
            raise TooManyRequests("another pairing is under way", retry_after_s=round(self._closes_at - now) or 1)
        self._spend_a_begin(now)
        self._pending = _Pending(name, origin, commitment)
        self._tell()
        return Offer(self._pending.pairing_id, handshake.public_point(self._pending.private_key), self._pending.nonce)

    def reveal(self, pairing_id: str, client_point: bytes, client_nonce: bytes) -> None:
        """Take what the client had committed to; from now on both sides can show the digits.

        Raises:
            PairingClosed: this pairing is over, or was revealed before.
            BadRequest: the key is not the one committed to, or no point of the curve. The pairing is over.
        """
        pending = self._named(pairing_id, "begun")
        kept_word = handshake.same(pending.commitment, handshake.commitment(client_point, client_nonce))
        try:
            if not kept_word:
                raise ValueError("the key and nonce are not the ones committed to")
            secret = handshake.shared_secret(pending.private_key, client_point)
        except ValueError as error:
            self._pending = None
            self._tell()
            raise BadRequest("the key and nonce are not the ones committed to", field="public_key") from error
        daemon_point = handshake.public_point(pending.private_key)
        pending.transcript = handshake.transcript(
            pending.name, self._port, client_point, client_nonce, daemon_point, pending.nonce
        )
        pending.key = handshake.pairing_key(secret, pending.transcript)
        pending.digits = handshake.digits(pending.transcript)
        pending.state = "shown"
        self._tell()

    def outcome(self, pairing_id: str) -> Outcome:
        """How it stands, for the client that asks.

        Raises:
            PairingClosed: this pairing is over.
        """
        return self._named(pairing_id).outcome()

    async def cancel(self, pairing_id: str) -> None:
        """The client gave up, or its person saw other digits: an approval that came first is taken back."""
        pending = self._named(pairing_id)
        self._pending = None
        if pending.client_id is not None:
            await self._clients.revoke(pending.client_id)
        self._tell()

    async def changed(self, timeout_s: float) -> None:
        """Wait until something changed, `timeout_s` passed or the window shut."""
        left = max(0.0, self._closes_at - self._clock())
        try:
            await asyncio.wait_for(self._changed.wait(), min(timeout_s, left) if left else timeout_s)
        except TimeoutError:
            return

    def _in_the_door(self) -> _Pending | None:
        if self._clock() >= self._closes_at:
            self._pending = None
        return self._pending

    def _named(self, pairing_id: str, *states: State) -> _Pending:
        pending = self._in_the_door()
        known = pending is not None and handshake.same(pending.pairing_id.encode(), pairing_id.encode())
        if pending is None or not known or (states and pending.state not in states):
            raise PairingClosed("this pairing is over")
        return pending

    def _spend_a_begin(self, now: float) -> None:
        while self._begins and now - self._begins[0] >= 60:
            self._begins.popleft()
        if len(self._begins) >= BEGINS_A_MINUTE:
            wait_s = 60 - (now - self._begins[0])
            raise TooManyRequests("too many pairings within a minute", retry_after_s=int(wait_s) + 1)
        self._begins.append(now)

    def _tell(self) -> None:
        self._revision += 1
        self._changed.set()
        self._changed = asyncio.Event()
