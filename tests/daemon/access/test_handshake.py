"""The arithmetic of pairing gives the same bytes as the extension's, and no field or label can stand for another."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mien_daemon.access import handshake

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "extension/vectors.json").read_text(encoding="utf-8")
)["cases"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_daemon_arrives_at_the_same_values_as_the_extension(vector: dict[str, Any]) -> None:
    def data(text: str, size: int = 32) -> bytes:
        return handshake.from_text(text, size)

    client, daemon, session = vector["client"], vector["daemon"], vector["session"]
    private_key = ec.derive_private_key(int.from_bytes(data(daemon["scalar"]), "big"), ec.SECP256R1())
    points = data(client["point"], 65), data(daemon["point"], 65)
    nonces = data(client["nonce"]), data(daemon["nonce"])
    assert handshake.public_point(private_key) == points[1]
    assert handshake.to_text(handshake.commitment(points[0], nonces[0])) == vector["commitment"]
    secret = handshake.shared_secret(private_key, points[0])
    assert handshake.to_text(secret) == vector["secret"]
    transcript = handshake.transcript(vector["name"], vector["port"], points[0], nonces[0], points[1], nonces[1])
    assert handshake.to_text(transcript) == vector["transcript"]
    assert handshake.digits(transcript) == vector["digits"]
    key = handshake.pairing_key(secret, transcript)
    assert handshake.to_text(key) == vector["key"]
    client_id = vector["client_id"]
    assert handshake.to_text(handshake.confirmation(key, transcript, client_id)) == vector["confirmation"]
    spoken = client_id, vector["port"], data(session["client_nonce"]), data(session["daemon_nonce"])
    assert handshake.to_text(handshake.daemon_proof(key, *spoken)) == session["daemon_proof"]
    assert handshake.to_text(handshake.client_proof(key, *spoken)) == session["client_proof"]
    assert handshake.to_text(handshake.opener_proof(key, *spoken)) == session["opener_proof"]


@pytest.mark.parametrize("text", ["", "AA", "A" * 43 + "é", "*" * 43, "A" * 44, "A" * 42])
def test_only_whole_base64url_of_the_right_length_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|bytes expected"):
        handshake.from_text(text, 32)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 32, 65])
def test_bytes_travel_as_base64url_without_padding(size: int) -> None:
    data = secrets.token_bytes(size)
    text = handshake.to_text(data)
    assert not set(text) & set("+/=")
    assert handshake.from_text(text, size) == data


def test_both_sides_compute_the_same_secret_of_32_bytes() -> None:
    ours, theirs = handshake.new_key_pair(), handshake.new_key_pair()
    secret = handshake.shared_secret(ours, handshake.public_point(theirs))
    assert secret == handshake.shared_secret(theirs, handshake.public_point(ours))
    assert len(secret) == handshake.KEY_BYTES
    assert len(handshake.public_point(ours)) == handshake.POINT_BYTES
    assert (handshake.KEY_BYTES, handshake.NONCE_BYTES, handshake.POINT_BYTES) == (32, 32, 65)


def test_a_point_off_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match=r"curve|point|EC key"):
        handshake.shared_secret(handshake.new_key_pair(), b"\x04" + b"\x01" * 64)


KEY, NONCE, OTHER = bytes(32), b"\x01" * 32, b"\x02" * 32
MACS: dict[str, Callable[[], bytes]] = {
    "daemon_proof": lambda: handshake.daemon_proof(KEY, "client", 1, NONCE, OTHER),
    "opener_proof": lambda: handshake.opener_proof(KEY, "client", 1, NONCE, OTHER),
    "client_proof": lambda: handshake.client_proof(KEY, "client", 1, NONCE, OTHER),
    "confirmation": lambda: handshake.confirmation(KEY, NONCE, "client"),
    "nonces exchanged": lambda: handshake.daemon_proof(KEY, "client", 1, OTHER, NONCE),
    "another port": lambda: handshake.daemon_proof(KEY, "client", 2, NONCE, OTHER),
    "another client": lambda: handshake.daemon_proof(KEY, "client2", 1, NONCE, OTHER),
    "another key": lambda: handshake.daemon_proof(NONCE, "client", 1, NONCE, OTHER),
    "a digit moved from one field to the next": lambda: handshake.daemon_proof(KEY, "client1", 2, NONCE, OTHER),
    "a digit moved back": lambda: handshake.daemon_proof(KEY, "client", 12, NONCE, OTHER),
}


def test_every_mac_of_other_fields_or_of_another_step_is_another() -> None:
    made = [compute() for compute in MACS.values()]
    assert len(set(made)) == len(made)
    assert {len(mac) for mac in made} == {32}


def test_a_transcript_changes_with_everything_that_was_seen() -> None:
    seen: tuple[Any, ...] = ("name", 1, b"C", b"m", b"D", b"n")
    changed: list[tuple[Any, ...]] = [("name2", *seen[1:]), (seen[0], 2, *seen[2:])]
    changed += [(*seen[:at], b"other", *seen[at + 1 :]) for at in range(2, 6)]
    made = {handshake.transcript(*fields) for fields in (seen, *changed)}
    assert len(made) == 7


def test_digits_are_always_six() -> None:
    shown = [handshake.digits(bytes([first, second])) for first in range(64) for second in range(64)]
    assert {len(digits) for digits in shown} == {6}
    assert any(digits.startswith("0") for digits in shown), "leading zeros are shown"
    assert len(set(shown)) > 4000


@pytest.mark.parametrize(("one", "other", "equal"), [(b"ab", b"ab", True), (b"ab", b"ac", False), (b"ab", b"a", False)])
def test_bytes_are_the_same_or_not(one: bytes, other: bytes, equal: bool) -> None:
    assert handshake.same(one, other) is equal
