"""The browser's side of a pairing, in Python."""

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mien_daemon.access import handshake
from mien_daemon.access.pairing import Pairing
from mien_daemon.access.sessions import Sessions

PORT = 6436
NAME = "Chromium on Linux"
ORIGIN = "chrome-extension://" + "abcdefghijklmnop" * 2


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Browser:
    """An extension that asks to be paired."""

    port: int = PORT
    name: str = NAME
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=handshake.new_key_pair)
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(handshake.NONCE_BYTES))
    pairing_id: str = ""
    transcript: bytes = b""
    key: bytes = b""

    @property
    def point(self) -> bytes:
        return handshake.public_point(self.private_key)

    @property
    def digits(self) -> str:
        return handshake.digits(self.transcript)

    def begin(self, pairing: Pairing) -> None:
        offer = pairing.begin(self.name, ORIGIN, handshake.commitment(self.point, self.nonce))
        self.pairing_id = offer.pairing_id
        self.hear(offer.daemon_point, offer.daemon_nonce)

    def hear(self, daemon_point: bytes, daemon_nonce: bytes) -> None:
        """Take the daemon's key and nonce, and compute what both sides share."""
        self.transcript = handshake.transcript(self.name, self.port, self.point, self.nonce, daemon_point, daemon_nonce)
        self.key = handshake.pairing_key(handshake.shared_secret(self.private_key, daemon_point), self.transcript)

    def reveal(self, pairing: Pairing) -> None:
        pairing.reveal(self.pairing_id, self.point, self.nonce)


async def pair(pairing: Pairing) -> tuple[Browser, str]:
    """A browser that was approved, and the id of its client."""
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    return browser, (await pairing.approve(browser.pairing_id)).id


def open_session(sessions: Sessions, client_id: str, key: bytes, port: int = PORT) -> str:
    """The bearer token of a browser that proves itself."""
    nonce = secrets.token_bytes(handshake.NONCE_BYTES)
    challenge = sessions.challenge(client_id, nonce)
    proof = handshake.client_proof(key, client_id, port, nonce, challenge.daemon_nonce)
    return sessions.answer(challenge.session_id, proof)[1]


class PageKey:
    """The private half that a browser keeps, and what it signs with it."""

    def __init__(self) -> None:
        self.private_key = handshake.new_key_pair()
        self.point = handshake.public_point(self.private_key)

    def sign(self, key_id: str, nonce: bytes, port: int = PORT) -> bytes:
        fields = (b"mien-console-session-v1", key_id.encode(), str(port).encode(), nonce)
        words = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
        halves = decode_dss_signature(self.private_key.sign(words, ec.ECDSA(hashes.SHA256())))
        return b"".join(half.to_bytes(32, "big") for half in halves)
