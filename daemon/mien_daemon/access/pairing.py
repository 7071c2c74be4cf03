"""Pairing: a window is open for one browser, both sides show the same six digits, and a person says yes on both.

A state machine without HTTP: `routes/pairing.py` speaks HTTP and `handshake.py` does the arithmetic. The protocol,
and what it defends against, is in `daemon/PAIRING.md`.

    closed ──open──▶ open ──begin──▶ begun ──reveal──▶ shown ──approve──▶ approved
                      ▲                │                 ├───refuse───▶ refused
                      └── 120 s end every state but approved; cancel ends them all ──▶ closed

A person opens the window, and so may an extension whose popup a person has pressed: then it is open for that extension
alone, closes with a no, and stays closed to every extension that asks for `SILENCE_S`. To close it is a no.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mien_api.errors import PairingClosed, TooManyRequests
from mien_core.errors import BadRequest
from mien_daemon.access import handshake
from mien_daemon.access.clients import Client, ClientRegistry
from mien_daemon.background import BackgroundTasks
from mien_daemon.state.clock import running_s

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

WINDOW_S = 120.0  # long enough to walk through a browser's options page, too short to be forgotten
COLLECT_S = 30.0  # how long an approval waits to be fetched
SILENCE_S = 300.0  # after a no: an extension that asks again and again would be let in by a tired person
ATTEMPTS_A_MINUTE = 3  # every attempt gives a man in the middle one guess in a million
ASKED_A_MINUTE = 6  # every one is an event, and a window before the person's eyes
# A name that can stand in a terminal and in a hash: no escapes, no second line, one encoding.
NAME = re.compile(r"[\w .,:()+/-]{1,60}", re.ASCII)

PairingState = Literal["begun", "shown", "approved", "refused"]


@dataclass(frozen=True, slots=True)
class PairingOffer:
    """The daemon's key and nonce, sent once the client is bound by its commitment."""

    pairing_id: str
    daemon_point: bytes
    daemon_nonce: bytes


@dataclass(frozen=True, slots=True)
class PairingOutcome:
    """What the client may know; `client_id` and `confirmation` come with the approval."""

    state: PairingState
    client_id: str | None = None
    confirmation: bytes | None = None


@dataclass(frozen=True, slots=True)
class PairingWindow:
    """What the person sees; `digits` once both sides have spoken. Another `revision` is another picture."""

    seconds_left: float
    revision: int
    pairing_id: str | None = None
    name: str | None = None
    origin: str | None = None
    state: PairingState | None = None
    digits: str | None = None

    @property
    def is_open(self) -> bool:
        return self.seconds_left > 0


@dataclass(slots=True)
class _PendingBrowser:
    """The one browser that is being paired."""

    name: str
    origin: str
    commitment: bytes
    pairing_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=handshake.new_key_pair)
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(handshake.NONCE_BYTES))
    state: PairingState = "begun"
    digits: str | None = None
    key: bytes = b""
    transcript: bytes = b""
    client_id: str | None = None
    is_fetched: bool = False  # its browser knows that it was approved

    def outcome(self) -> PairingOutcome:
        if self.state != "approved":
            return PairingOutcome(self.state)
        if self.client_id is None:
            return PairingOutcome("shown")  # approved, but the client is not yet on the disk
        return PairingOutcome(
            self.state, self.client_id, handshake.confirmation(self.key, self.transcript, self.client_id)
        )


class Pairing:
    """The pairing window: a person opens it, at most one browser asks in it, and the person alone approves."""

    def __init__(self, clients: ClientRegistry, port: int, clock: Callable[[], float] = running_s) -> None:
        self._clients = clients
        self._port = port
        self._clock = clock
        self._closes_at = -1.0
        self._pending: _PendingBrowser | None = None
        self._asked_by: str | None = None  # the only Origin that may begin; None where a person opened the window
        self._silent_until = -1.0
        self._attempts: deque[float] = deque()
        self._asked: deque[float] = deque()
        self._changed = asyncio.Event()
        self._revision = 0
        self._approvals = BackgroundTasks()

    async def finish_approvals(self) -> None:
        """Wait for approvals that are being stored."""
        await self._approvals.wait()

    # ── the person's side ──

    def open(self) -> PairingWindow:
        """Open the window for 120 s; a pairing that had begun is over, unless its extension had asked for it."""
        pending = self._current()
        if self._asked_by is None or pending is None or pending.state not in {"begun", "shown"}:
            self._open(None)
        else:
            self._closes_at = self._clock() + WINDOW_S
            self._announce_change()
        return self.window()

    def _open(self, asked_by: str | None) -> None:
        self._pending, self._asked_by = None, asked_by
        self._closes_at = self._clock() + WINDOW_S
        self._announce_change()

    def close(self) -> None:
        """Close the window; a pairing that had begun is over, and the extension that asked for it got a no."""
        if self._asked_by is not None and self.window().is_open and self.window().state != "approved":
            self._silent_until = self._clock() + SILENCE_S
        self._pending, self._asked_by = None, None
        self._closes_at = -1.0
        self._announce_change()

    def window(self) -> PairingWindow:
        """What the person is shown now."""
        left = max(0.0, self._closes_at - self._clock())
        pending = self._current()
        if pending is None:
            return PairingWindow(left, self._revision)
        return PairingWindow(
            left, self._revision, pending.pairing_id, pending.name, pending.origin, pending.state, pending.digits
        )

    async def approve(self, pairing_id: str) -> Client:
        """Pair the browser whose digits the person has compared.

        Raises:
            PairingClosed: no browser with this id shows digits, or it cancelled while its client was being stored.
        """
        return await self._approvals.finish(self._approve(self._require(pairing_id, "shown")))

    async def _approve(self, pending: _PendingBrowser) -> Client:
        """Store the client, then tell; a caller that goes away meanwhile leaves no half of it."""
        if pending.state != "shown":
            raise PairingClosed("this pairing is over")
        pending.state = "approved"
        self._closes_at = self._clock() + COLLECT_S
        try:
            client = await self._clients.add_paired(pending.name, pending.origin, pending.key)
        except Exception:
            pending.state = "shown"  # the person may approve again
            raise
        if self._pending is not pending:
            await self._clients.revoke(client.id)
            raise PairingClosed("this pairing is over")
        pending.client_id = client.id
        self._announce_change()
        return client

    def refuse(self, pairing_id: str) -> None:
        """End this pairing; the window that a person opened stays open for another browser."""
        self._require(pairing_id, "begun", "shown").state = "refused"
        if self._asked_by is not None:
            self._silent_until = self._clock() + SILENCE_S
            self._closes_at = self._clock() + COLLECT_S
        self._announce_change()

    # ── the browser's side ──

    def ask(self, origin: str) -> bool:
        """Open the window for this extension alone; False where it is open for it and waits for it already.

        Raises:
            TooManyRequests: another browser is being paired, extensions have asked too often within a minute, or a
                person said no a short while ago.
        """
        now = self._clock()
        if now < self._closes_at and not (self._pending and self._pending.is_fetched):
            state = self._pending.state if self._pending else None
            if self._asked_by in {None, origin} and state is None:
                return False
            if self._asked_by == origin and state in {"begun", "shown"}:
                _count(now, self._asked, ASKED_A_MINUTE)
                self._open(origin)  # its background was put to sleep in the middle of it
                return True
            raise TooManyRequests("another pairing is under way", retry_after_s=round(self._closes_at - now) or 1)
        if now < self._silent_until:
            raise TooManyRequests("a person said no", retry_after_s=int(self._silent_until - now) + 1)
        _count(now, self._asked, ASKED_A_MINUTE)
        self._open(origin)
        return True

    def begin(self, name: str, origin: str, commitment: bytes) -> PairingOffer:
        """Take a client's commitment and answer with the daemon's key and nonce.

        Raises:
            PairingClosed: no window is open.
            TooManyRequests: another browser is being paired, or this is the fourth attempt within a minute.
            BadRequest: the name has characters that a terminal could not show as they are.
        """
        if not NAME.fullmatch(name):
            raise BadRequest("a name is 1 to 60 letters, digits, spaces and . , : ( ) + / - _", field="name")
        now = self._clock()
        pending = self._current()
        is_for_another = self._asked_by is not None and (self._asked_by != origin or pending is not None)
        if now >= self._closes_at or is_for_another or (pending is not None and pending.state == "approved"):
            raise PairingClosed("pairing is not open; a person opens it with `mien pair` or in the tray")
        if pending is not None and pending.state != "refused":
            raise TooManyRequests("another pairing is under way", retry_after_s=round(self._closes_at - now) or 1)
        _count(now, self._attempts, ATTEMPTS_A_MINUTE)
        self._pending = _PendingBrowser(name, origin, commitment)
        self._announce_change()
        return PairingOffer(
            self._pending.pairing_id, handshake.public_point(self._pending.private_key), self._pending.nonce
        )

    def reveal(self, pairing_id: str, client_point: bytes, client_nonce: bytes) -> None:
        """Take what the client had committed to; from now on both sides can show the digits.

        Raises:
            PairingClosed: this pairing is over, or was revealed before.
            BadRequest: the key is not the one committed to, or no point of the curve. The pairing is over.
        """
        pending = self._require(pairing_id, "begun")
        is_committed = handshake.same(pending.commitment, handshake.commitment(client_point, client_nonce))
        try:
            if not is_committed:
                raise ValueError("the key and nonce are not the ones committed to")
            secret = handshake.shared_secret(pending.private_key, client_point)
        except ValueError as error:
            self._pending = None
            self._announce_change()
            raise BadRequest("the key and nonce are not the ones committed to", field="public_key") from error
        daemon_point = handshake.public_point(pending.private_key)
        pending.transcript = handshake.transcript(
            pending.name, self._port, client_point, client_nonce, daemon_point, pending.nonce
        )
        pending.key = handshake.pairing_key(secret, pending.transcript)
        pending.digits = handshake.digits(pending.transcript)
        pending.state = "shown"
        self._announce_change()

    def outcome(self, pairing_id: str) -> PairingOutcome:
        """The state of a pairing, for the client that asks.

        Raises:
            PairingClosed: this pairing is over.
        """
        pending = self._require(pairing_id)
        outcome = pending.outcome()
        pending.is_fetched = outcome.state == "approved"
        return outcome

    async def cancel(self, pairing_id: str) -> None:
        """End a pairing for the browser: it gave up, or its person saw other digits. An earlier approval is revoked."""
        pending = self._require(pairing_id)
        self._pending = None
        if self._asked_by is not None:
            self._closes_at = -1.0
        if pending.client_id is not None:
            await self._clients.revoke(pending.client_id)
        self._announce_change()

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when something changed, `timeout_s` passed or the window closed.

        `asyncio.wait_for` of Python 3.11 would lose the cancel of a browser that goes away in the moment of a change.
        """
        left = max(0.0, self._closes_at - self._clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, left) if left else timeout_s):
                await self._changed.wait()

    def _current(self) -> _PendingBrowser | None:
        if self._clock() >= self._closes_at:
            self._pending = None
        return self._pending

    def _require(self, pairing_id: str, *states: PairingState) -> _PendingBrowser:
        pending = self._current()
        known = pending is not None and handshake.same(pending.pairing_id.encode(), pairing_id.encode())
        if pending is None or not known or (states and pending.state not in states):
            raise PairingClosed("this pairing is over")
        return pending

    def _announce_change(self) -> None:
        self._revision += 1
        self._changed.set()
        self._changed = asyncio.Event()


def _count(now: float, attempts: deque[float], most: int) -> None:
    """Note one more attempt within a minute, or refuse it."""
    while attempts and now - attempts[0] >= 60:
        attempts.popleft()
    if len(attempts) >= most:
        wait_s = 60 - (now - attempts[0])
        raise TooManyRequests("too many pairings within a minute", retry_after_s=int(wait_s) + 1)
    attempts.append(now)
