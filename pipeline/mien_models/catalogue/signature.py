"""The signature of the bundled catalogue, and the command with which a maintainer renews it.

`python -m mien_models.catalogue.signature` signs `catalogue.toml` after an edit. The private key is a file
outside the source tree (`MIEN_SIGNING_KEY`, by default in the person's configuration folder). Where there
is none, a new key is made and its public half written below: both land in the same reviewed commit as the
edit itself. See decisions/0003-signed-catalogue.md for what this does and does not protect, and
decisions/0013-a-catalogue-known-by-its-digest.md for why the digest is written below too.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mien_core.errors import InvalidCatalogue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_KEY = "c6a2ec40eb2f20280fa6ac713284ea9951c954e4696dfa447417814095f3cdf6"

DIGEST = "0f2b0ec5070ac2e2adb641d32d05638098f4f40c17b7cbf2d401bd2d09910d61"
"""SHA-256 of the catalogue that was signed last, line ends normalised."""


def verify(content: bytes, catalogue: Path) -> None:
    """Return if `content` is the catalogue of this code or, where that is not known, what the maintainers signed.

    Raises:
        InvalidCatalogue: it is neither.
    """
    if _digest(content) != DIGEST:
        verify_signature(content, catalogue)


def verify_signature(content: bytes, catalogue: Path, public_key: str = PUBLIC_KEY) -> None:
    """Return if `content` is what the maintainers signed.

    Raises:
        InvalidCatalogue: the signature beside `catalogue` is missing or does not fit.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = bytes.fromhex(signature_path(catalogue).read_text(encoding="ascii").strip())
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, _signed_part(content))
    except (OSError, ValueError, InvalidSignature) as error:
        raise InvalidCatalogue(
            f"{catalogue.name} is not as it was signed", file=str(catalogue), reason="signature"
        ) from error


def _signed_part(content: bytes) -> bytes:
    """The content without what a checkout on Windows does to line ends."""
    return content.replace(b"\r\n", b"\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(_signed_part(content)).hexdigest()


def signature_path(catalogue: Path) -> Path:
    return catalogue.with_name(catalogue.name + ".sig")


def sign(catalogue: Path, key: Ed25519PrivateKey) -> None:
    """Write the signature beside the catalogue."""
    signature_path(catalogue).write_text(key.sign(_signed_part(catalogue.read_bytes())).hex() + "\n", encoding="ascii")


def key_from(path: Path) -> Ed25519PrivateKey:
    """The private key in `path`; made, readable by its owner alone, if there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidCatalogue(f"{path.name} is not an Ed25519 key", file=str(path))
    return key


def _publish(key: Ed25519PrivateKey, catalogue: Path, source: Path) -> None:
    """Write the key's public half and the catalogue's digest into this module's source."""
    text = source.read_text(encoding="utf-8")
    values = {"PUBLIC_KEY": key.public_key().public_bytes_raw().hex(), "DIGEST": _digest(catalogue.read_bytes())}
    for name, value in values.items():
        text = re.sub(rf'^{name} = "[0-9a-f]*"$', f'{name} = "{value}"', text, flags=re.MULTILINE)
    source.write_text(text, encoding="utf-8")


def main(environ: Mapping[str, str] = os.environ) -> None:
    import platformdirs

    own = environ.get("MIEN_SIGNING_KEY")
    key = key_from(Path(own) if own else platformdirs.user_config_path("mien") / "catalogue-signing-key.pem")
    here = Path(__file__)
    catalogue = here.with_name("catalogue.toml")
    _publish(key, catalogue, here)
    sign(catalogue, key)


if __name__ == "__main__":
    main()
