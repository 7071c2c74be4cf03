"""Sessions of paired browsers: the daemon proves itself first, then the client, then a bearer for 15 minutes.

Bearers live in this process's memory only: a daemon that is gone has none, and a revoked client's are gone at once.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from mien_daemon import handshake
from mien_daemon.errors import Unpaired

BEARER_S = 15 * 60.0
ANSWER_S = 10.0  # between the daemon's proof and the client's
HALF_OPEN = 32  # beyond this the oldest unanswered proof is forgotten
BEARERS_A_CLIENT = 16  # a client opens a session for every swap; older ones beyond this lapse


class PairingKeys(Protocol):
    """Who is paired."""

    def pairing_key(self, client_id: str) -> bytes | None:
        """The 32-byte key of a paired client, None for anyone else."""
        ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """The daemon's proof that it knows this client's key and owns this port."""

    session_id: str
    daemon_nonce: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class _HalfOpen:
    client_id: str
    client_nonce: bytes
    daemon_nonce: bytes
    until: float


@dataclass(frozen=True, slots=True)
class _Bearer:
    client_id: str
    until: float


class Sessions:
    """Who proved to be whom, in this life of the daemon."""

    def __init__(self, keys: PairingKeys, port: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._port = port
        self._clock = clock
        self._half_open: dict[str, _HalfOpen] = {}
        self._bearers: dict[bytes, _Bearer] = {}

    def challenge(self, client_id: str, client_nonce: bytes) -> Challenge:
        """Prove the daemon to a client that has sent nothing but a nonce.

        Raises:
            Unpaired: nobody with this id is paired.
        """
        key = self._key_of(client_id)
        while len(self._half_open) >= HALF_OPEN:
            del self._half_open[next(iter(self._half_open))]
        session_id = secrets.token_urlsafe(16)
        daemon_nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._half_open[session_id] = _HalfOpen(client_id, client_nonce, daemon_nonce, self._clock() + ANSWER_S)
        proof = handshake.daemon_proof(key, client_id, self._port(), client_nonce, daemon_nonce)
        return Challenge(session_id, daemon_nonce, proof)

    def answer(self, session_id: str, proof: bytes) -> str:
        """A bearer for a client that proved itself; every challenge can be answered once.

        Raises:
            Unpaired: no such challenge, too late, wrong proof, or revoked meanwhile.
        """
        half = self._half_open.pop(session_id, None)
        if half is None or self._clock() >= half.until:
            raise Unpaired("this session was not begun, or too long ago")
        key = self._key_of(half.client_id)
        expected = handshake.client_proof(key, half.client_id, self._port(), half.client_nonce, half.daemon_nonce)
        if not handshake.same(expected, proof):
            raise Unpaired("the proof is wrong")
        token = secrets.token_urlsafe(32)
        self._forget_old(half.client_id)
        self._bearers[_digest(token)] = _Bearer(half.client_id, self._clock() + BEARER_S)
        return token

    def client_of(self, token: str) -> str | None:
        """The client id that a bearer stands for, None when it stands for nobody (any more)."""
        bearer = self._bearers.get(_digest(token))
        if bearer is None or self._clock() >= bearer.until or self._keys.pairing_key(bearer.client_id) is None:
            return None
        return bearer.client_id

    def end(self, client_id: str) -> None:
        """Revoke every bearer of a client, at once."""
        self._bearers = {token: bearer for token, bearer in self._bearers.items() if bearer.client_id != client_id}

    def _key_of(self, client_id: str) -> bytes:
        key = self._keys.pairing_key(client_id)
        if key is None:
            raise Unpaired("this browser is not paired with this daemon")
        return key

    def _forget_old(self, client_id: str) -> None:
        now = self._clock()
        self._bearers = {token: bearer for token, bearer in self._bearers.items() if now < bearer.until}
        own = [token for token, bearer in self._bearers.items() if bearer.client_id == client_id]
        for token in own[: max(0, len(own) - BEARERS_A_CLIENT + 1)]:
            del self._bearers[token]


def _digest(token: str) -> bytes:
    """Bearers are looked up by hash, so that a lookup's timing says nothing of the token."""
    return sha256(token.encode()).digest()
