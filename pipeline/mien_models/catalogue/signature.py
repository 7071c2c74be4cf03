"""The signature of the bundled catalogue, and the command with which a maintainer renews it.

`python -m mien_models.catalogue.signature` signs `catalogue.toml` after an edit. The private key is a file
outside the source tree (`MIEN_SIGNING_KEY`, by default in the person's configuration folder). Where there
is none, a new key is made and its public half written below: both land in the same reviewed commit as the
edit itself. See decisions/0003-signed-catalogue.md for what this does and does not protect.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from mien_core.errors import InvalidCatalogue

PUBLIC_KEY = "c6a2ec40eb2f20280fa6ac713284ea9951c954e4696dfa447417814095f3cdf6"


def verify_signature(content: bytes, catalogue: Path, public_key: str = PUBLIC_KEY) -> None:
    """Return if `content` is what the maintainers signed.

    Raises:
        InvalidCatalogue: the signature beside `catalogue` is missing or does not fit.
    """
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


def signature_path(catalogue: Path) -> Path:
    return catalogue.with_name(catalogue.name + ".sig")


def sign(catalogue: Path, key: Ed25519PrivateKey) -> None:
    """Write the signature beside the catalogue."""
    signature_path(catalogue).write_text(key.sign(_signed_part(catalogue.read_bytes())).hex() + "\n", encoding="ascii")


def key_from(path: Path) -> Ed25519PrivateKey:
    """The private key in `path`; made, readable by its owner alone, if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidCatalogue(f"{path.name} is not an Ed25519 key", file=str(path))
    return key


def _publish(key: Ed25519PrivateKey, source: Path) -> None:
    """Write the public half into this module's source, at `PUBLIC_KEY`."""
    text = source.read_text(encoding="utf-8")
    line = f'PUBLIC_KEY = "{key.public_key().public_bytes_raw().hex()}"'
    source.write_text(re.sub(r'^PUBLIC_KEY = "[0-9a-f]{64}"$', line, text, flags=re.MULTILINE), encoding="utf-8")


def main(environ: Mapping[str, str] = os.environ) -> None:
    import platformdirs

    own = environ.get("MIEN_SIGNING_KEY")
    key = key_from(Path(own) if own else platformdirs.user_config_path("mien") / "catalogue-signing-key.pem")
    here = Path(__file__)
    _publish(key, here)
    sign(here.with_name("catalogue.toml"), key)


if __name__ == "__main__":
    main()
