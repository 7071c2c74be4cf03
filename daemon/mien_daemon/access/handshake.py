"""The arithmetic of pairing and of sessions: pure functions over bytes, the same in `extension/src/handshake.js`.

`tests/extension/vectors.json` tests both. The protocol that calls these functions is in `daemon/PAIRING.md`.
Every hash and MAC starts with a label of its own and length-prefixes its fields, so no message of one step can
be taken for a message of another, and no field can borrow bytes from its neighbour.

The functions that need the curve load its library when they are called. A paired client proves itself by MACs alone,
so a daemon that pairs no client never loads it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

NONCE_BYTES = 32
KEY_BYTES = 32
POINT_BYTES = 65  # an uncompressed P-256 point: 0x04, x, y
SIGNATURE_BYTES = 64  # r and s, 32 bytes each, as Web Crypto writes them
DIGITS = 6

_COMMIT = b"mien-pair-commit-v1"
_TRANSCRIPT = b"mien-pair-transcript-v1"
_DIGITS = b"mien-pair-digits-v1"
_KEY = b"mien-pair-key-v1"
_CONFIRM = b"mien-pair-confirm-v1"
_DAEMON = b"mien-session-daemon-v1"
_CLIENT = b"mien-session-client-v1"
_OPENER = b"mien-session-console-v1"
_CONSOLE = b"mien-console-session-v1"


def to_text(data: bytes) -> str:
    """base64url without padding, the way every byte string of the protocol travels in JSON."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_text(text: str, size: int) -> bytes:
    """The bytes of `to_text`.

    Raises:
        ValueError: not base64url, or not exactly `size` bytes.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if len(data) != size:
        raise ValueError(f"{size} bytes expected, {len(data)} found")
    return data


def new_key_pair() -> ec.EllipticCurvePrivateKey:
    """A P-256 key for one pairing."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def public_point(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """(65,) bytes, the uncompressed point."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def shared_secret(private_key: ec.EllipticCurvePrivateKey, their_point: bytes) -> bytes:
    """(32,) bytes, the x coordinate that both sides compute.

    Raises:
        ValueError: `their_point` does not lie on the curve.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), their_point)
    return private_key.exchange(ec.ECDH(), theirs)


def commitment(client_point: bytes, client_nonce: bytes) -> bytes:
    """(32,) bytes. The client sends it before it has seen the daemon's key, so it cannot choose its own key to fit."""
    return sha256(_joined(_COMMIT, client_point, client_nonce)).digest()


def transcript(
    name: str, port: int, client_point: bytes, client_nonce: bytes, daemon_point: bytes, daemon_nonce: bytes
) -> bytes:
    """(32,) bytes, a digest of all that both sides have seen. Each side puts in the port that it uses itself."""
    spoken = (name.encode(), str(port).encode(), client_point, client_nonce, daemon_point, daemon_nonce)
    return sha256(_joined(_TRANSCRIPT, *spoken)).digest()


def digits(the_transcript: bytes) -> str:
    """The six digits that the person compares. Reducing 64 bits modulo 10⁶ favours no code by more than 2⁻⁴⁴."""
    number = int.from_bytes(sha256(_joined(_DIGITS, the_transcript)).digest()[:8], "big")
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def pairing_key(secret: bytes, the_transcript: bytes) -> bytes:
    """The 32-byte key that the daemon and this client share from now on (HKDF-SHA256, RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length=KEY_BYTES, salt=the_transcript, info=_KEY).derive(secret)


def confirmation(key: bytes, the_transcript: bytes, client_id: str) -> bytes:
    """(32,) bytes, sent with the approval: the daemon holds the same key and has seen the same transcript."""
    return _mac(key, _CONFIRM, the_transcript, client_id.encode())


def daemon_proof(key: bytes, client_id: str, port: int, client_nonce: bytes, daemon_nonce: bytes) -> bytes:
    """(32,) bytes: the daemon knows the key and listens on this port. The client has sent nothing secret before."""
    return _mac(key, _DAEMON, client_id.encode(), str(port).encode(), client_nonce, daemon_nonce)


def client_proof(key: bytes, client_id: str, port: int, client_nonce: bytes, daemon_nonce: bytes) -> bytes:
    """(32,) bytes, the client's answer. Its label differs, so the daemon's proof cannot be played back."""
    return _mac(key, _CLIENT, client_id.encode(), str(port).encode(), client_nonce, daemon_nonce)


def opener_proof(key: bytes, client_id: str, port: int, client_nonce: bytes, daemon_nonce: bytes) -> bytes:
    """(32,) bytes, the client's answer when it wants the console opened and no bearer for itself."""
    return _mac(key, _OPENER, client_id.encode(), str(port).encode(), client_nonce, daemon_nonce)


def require_point(point: bytes) -> None:
    """Return if `point` is one of the curve.

    Raises:
        ValueError: it is none.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def is_console_signature(point: bytes, key_id: str, port: int, nonce: bytes, signature: bytes) -> bool:
    """Whether the console's key `point` signed this nonce (ECDSA P-256, SHA-256) for the daemon on this port."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    words = _joined(_CONSOLE, key_id.encode(), str(port).encode(), nonce)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(encode_dss_signature(*halves), words, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)


def _mac(key: bytes, *fields: bytes) -> bytes:
    return hmac.digest(key, _joined(*fields), "sha256")


def _joined(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)
