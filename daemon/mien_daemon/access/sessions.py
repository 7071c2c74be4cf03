"""Sessions of paired browsers: the daemon proves itself, then the client, which gets a bearer token for 15 minutes."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from mien_api.errors import UnknownClient, Unpaired, WrongScope
from mien_daemon.access import handshake
from mien_daemon.access.clients import Client, ClientRegistry
from mien_daemon.state.clock import running_s

ANSWER_S = 10.0  # between the daemon's proof and the client's
HALF_OPEN = 32  # beyond this the oldest unanswered proof is forgotten


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


class Sessions:
    """Proofs that were given and not yet answered; `ClientRegistry` keeps the bearer tokens."""

    def __init__(self, clients: ClientRegistry, port: int, clock: Callable[[], float] = running_s) -> None:
        self._clients = clients
        self._port = port
        self._clock = clock
        self._half_open: dict[str, _HalfOpen] = {}

    def challenge(self, client_id: str, client_nonce: bytes) -> Challenge:
        """Prove the daemon to a client that has sent nothing but a nonce.

        Raises:
            Unpaired: no browser with this id is paired.
        """
        _, key = self._paired(client_id)
        while len(self._half_open) >= HALF_OPEN:
            del self._half_open[next(iter(self._half_open))]
        session_id = secrets.token_urlsafe(16)
        daemon_nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._half_open[session_id] = _HalfOpen(client_id, client_nonce, daemon_nonce, self._clock() + ANSWER_S)
        proof = handshake.daemon_proof(key, client_id, self._port, client_nonce, daemon_nonce)
        return Challenge(session_id, daemon_nonce, proof)

    def answer(self, session_id: str, proof: bytes) -> tuple[Client, str]:
        """The client and a bearer token, for the right proof; a challenge can be answered once, rightly or wrongly.

        Raises:
            Unpaired: no such challenge, too late, wrong proof, or revoked meanwhile.
        """
        client = self._prove(session_id, proof, handshake.client_proof)
        return client, self._clients.open_session(client.id)

    def prove_opener(self, session_id: str, proof: bytes) -> Client:
        """The client that may have the console opened: the key itself asks, so no bearer that was stolen can.

        Raises:
            Unpaired: as `answer`.
            WrongScope: the person does not let this browser open the console.
        """
        client = self._prove(session_id, proof, handshake.opener_proof)
        if not client.may("console"):
            raise WrongScope("this browser may not open the console", needs="console")
        return client

    def _prove(self, session_id: str, proof: bytes, prove: Callable[[bytes, str, int, bytes, bytes], bytes]) -> Client:
        half = self._half_open.pop(session_id, None)
        if half is None or self._clock() >= half.until:
            raise Unpaired("this session was not begun, or too long ago")
        client, key = self._paired(half.client_id)
        expected = prove(key, half.client_id, self._port, half.client_nonce, half.daemon_nonce)
        if not handshake.same(expected, proof):
            raise Unpaired("the proof is wrong")
        return client

    def _paired(self, client_id: str) -> tuple[Client, bytes]:
        try:
            client = self._clients.get(client_id)
        except UnknownClient:
            raise Unpaired("this browser is not paired with this daemon") from None
        if client.pairing_key is None:
            raise Unpaired("this is no browser")
        return client, client.pairing_key
