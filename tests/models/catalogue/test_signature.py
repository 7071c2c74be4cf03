"""A catalogue is what its maintainer signed, to the byte, and a new key lands in the same commit."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mien_core.errors import InvalidCatalogue
from mien_models.catalogue import signature
from mien_models.catalogue.entries import BUNDLED
from mien_models.catalogue.signature import key_from, sign, signature_path, verify, verify_signature


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_bytes(b"format = 1\n")
    return path


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def test_what_was_signed_is_as_it_was_signed(catalogue: Path) -> None:
    key = Ed25519PrivateKey.generate()
    sign(catalogue, key)
    verify_signature(catalogue.read_bytes(), catalogue, public(key))
    verify_signature(b"format = 1\r\n", catalogue, public(key))  # as a checkout on Windows has it


@pytest.mark.parametrize("content", [b"format = 2\n", b"format = 1", b""])
def test_anything_else_is_refused(catalogue: Path, content: bytes) -> None:
    key = Ed25519PrivateKey.generate()
    sign(catalogue, key)
    with pytest.raises(InvalidCatalogue, match="not as it was signed") as refused:
        verify_signature(content, catalogue, public(key))
    assert refused.value.fields == {"file": str(catalogue), "reason": "signature"}


def test_the_bundled_catalogue_is_signed_and_known_by_its_digest() -> None:
    content = BUNDLED.read_bytes()
    verify_signature(content, BUNDLED)
    assert hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest() == signature.DIGEST


def test_what_is_known_by_its_digest_needs_no_signature_and_all_else_does(catalogue: Path) -> None:
    content = BUNDLED.read_bytes()
    verify(content, catalogue)
    verify(content.replace(b"\n", b"\r\n"), catalogue)
    with pytest.raises(InvalidCatalogue, match="not as it was signed"):
        verify(content + b"\n", catalogue)


@pytest.mark.parametrize("written", ["", "no hex", "00"])
def test_a_damaged_signature_is_none(catalogue: Path, written: str) -> None:
    signature_path(catalogue).write_text(written)
    with pytest.raises(InvalidCatalogue):
        verify_signature(catalogue.read_bytes(), catalogue)


def test_a_new_key_is_its_owners_alone_and_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key.pem"
    first = key_from(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public(key_from(path)) == public(first)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InvalidCatalogue, match="Ed25519"):
        key_from(path)


def test_the_command_signs_and_publishes_the_key_that_it_made(tmp_path: Path, catalogue: Path) -> None:
    """On a copy: the module writes into its own source."""
    source = tmp_path / "signature.py"
    source.write_text(Path(signature.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    environ = {**os.environ, "MIEN_SIGNING_KEY": str(tmp_path / "key.pem")}
    subprocess.run([sys.executable, source], env=environ, check=True)
    key = public(key_from(tmp_path / "key.pem"))
    text = source.read_text(encoding="utf-8")
    assert f'PUBLIC_KEY = "{key}"' in text
    digest = hashlib.sha256(catalogue.read_bytes()).hexdigest()
    assert f'DIGEST = "{digest}"' in text
    verify_signature(catalogue.read_bytes(), catalogue, key)
