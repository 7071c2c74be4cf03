"""What a node needs to know of a run, sealed to it: the references, and the signed record of their consent.

A node makes a key of its own for one job. The run encrypts to it (X25519, HKDF-SHA256, AES-256-GCM), so that what lies
in the object store, or goes through another node, opens at that node alone, and nowhere once its key is gone.

The record says what was confirmed, for which pictures and for which node. Its signature proves that the holder of the
key in the certificate beside it wrote exactly that. It does not prove who that is, nor that anybody vouches for the
certificate: it comes with the record, and every install makes its own. Who may send jobs, Ray's token and TLS decide.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import urandom
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mien_core.errors import ConsentRequired
from mien_daemon.references.consent import ELSEWHERE_VERSION, STATEMENTS, Consent
from mien_pipeline.trust.authority import Signatory

_PURPOSE = b"mien cluster job 1"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Job:
    """What a run brings to a node.

    Attributes:
        people: the encoded pictures of each person.
        likes: the pictures by which faces are chosen.
        consents: of each person what was confirmed, as `Consent` has it without the label; for other machines
            "elsewhere" is the version of the words of `consent.ELSEWHERE` that were confirmed besides.
    """

    people: Sequence[Sequence[bytes]]
    likes: Sequence[bytes]
    consents: Sequence[Mapping[str, object]]


def seal(job: Job, node_key: bytes, signatory: Signatory) -> bytes:
    """The job for the node with this public key, its consent signed."""
    record = write_record(job, node_key)
    parts = [record, signatory.sign(record), signatory.chain.encode(), *job.likes]
    parts += [picture for person in job.people for picture in person]
    mine = X25519PrivateKey.generate()
    public = mine.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key = _derive(mine.exchange(X25519PublicKey.from_public_bytes(node_key)), public, node_key)
    nonce = urandom(_NONCE_BYTES)
    clear = b"".join(_LENGTH.pack(len(part)) + part for part in [_LENGTH.pack(len(job.likes)), *parts])
    return public + nonce + AESGCM(key).encrypt(nonce, clear, _PURPOSE)


def write_record(job: Job, node_key: bytes) -> bytes:
    """What is signed: what was confirmed, of which pictures, for which node."""
    said = {
        "node": node_key.hex(),
        "people": [_digest(person) for person in job.people],
        "likes": _digest(job.likes),
        "consents": [dict(consent) for consent in job.consents],
    }
    return json.dumps(said, sort_keys=True).encode()


def open_sealed(sealed: bytes, key: X25519PrivateKey, *, elsewhere: bool) -> Job:
    """The job that was sealed to this key; `elsewhere`: on another machine than the person's own.

    Raises:
        ConsentRequired: it does not open; its record was not signed as it is, is about another node or about other
            pictures, or confirms nothing; a consent has ended, and `field` is "expires_at"; or one does not speak of
            other machines, and `field` is "elsewhere".
    """
    own = public_bytes(key)
    public, nonce = sealed[:_KEY_BYTES], sealed[_KEY_BYTES : _KEY_BYTES + _NONCE_BYTES]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(public))
        clear = AESGCM(_derive(shared, public, own)).decrypt(nonce, sealed[_KEY_BYTES + _NONCE_BYTES :], _PURPOSE)
    except (InvalidTag, ValueError) as error:
        raise ConsentRequired("the job was not sealed to this node", field="basis") from error
    count, record, signature, chain, *pictures = _split(clear)
    likes = pictures[: _LENGTH.unpack(count)[0]]
    said = _read_record(record, signature, chain)
    if elsewhere and not all(consent.get("elsewhere") == ELSEWHERE_VERSION for consent in said["consents"]):
        raise ConsentRequired("the record does not speak of other machines", field="elsewhere")
    rest, people = iter(pictures[len(likes) :]), list[list[bytes]]()
    for digests in said["people"]:
        person = [next(rest, b"") for _ in digests]
        if _digest(person) != digests:
            raise ConsentRequired("the record is about other pictures", field="basis")
        people.append(person)
    if _digest(likes) != said["likes"]:
        raise ConsentRequired("the record is about other pictures", field="basis")
    if said["node"] != own.hex() or len(said["consents"]) != len(people):
        raise ConsentRequired("the record is about another job", field="basis")
    return Job(people, likes, said["consents"])


def public_bytes(key: X25519PrivateKey) -> bytes:
    """What a job is sealed to: 32 bytes."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read_record(record: bytes, signature: bytes, chain: bytes) -> dict[str, Any]:
    """The record, if the key of the certificate beside it signed it, and every consent in it is one that still holds.

    Whose certificate it is stays unchecked.
    """
    leaf = x509.load_pem_x509_certificates(chain)[0].public_key()
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    try:
        if not isinstance(leaf, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        leaf.verify(utils.encode_dss_signature(r, s), record, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise ConsentRequired("the record was not signed as it is", field="basis") from error
    said: dict[str, Any] = json.loads(record)
    for consent in said["consents"]:
        _require_consent(consent)
    return said


def _require_consent(said: Mapping[str, Any]) -> None:
    """Return if this is a consent, and it has not ended."""
    if said.get("adult") is not True or said.get("basis") not in STATEMENTS:
        raise ConsentRequired("a record without a statement", field="basis")
    values: dict[str, Any] = {name: value for name, value in said.items() if name != "elsewhere"} | {"label": ""}
    try:
        is_over = Consent(**values).is_over
    except (TypeError, ValueError) as error:
        raise ConsentRequired("a record without a statement", field="basis") from error
    if is_over:
        raise ConsentRequired("the consent has ended", field="expires_at")


def _digest(pictures: Sequence[bytes]) -> list[str]:
    return [hashlib.sha256(picture).hexdigest() for picture in pictures]


def _derive(shared: bytes, public: bytes, node_key: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=_KEY_BYTES, salt=public + node_key, info=_PURPOSE).derive(shared)


def _split(clear: bytes) -> list[bytes]:
    parts, at = list[bytes](), 0
    while at < len(clear):
        end = at + _LENGTH.size + _LENGTH.unpack_from(clear, at)[0]
        parts.append(clear[at + _LENGTH.size : end])
        at = end
    return parts
