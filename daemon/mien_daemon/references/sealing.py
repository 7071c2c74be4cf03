"""AES-256-GCM for the files of the library, and its two master keys.

Every record has a key of its own. A master key wraps the records' keys. To shred a record, the library wraps the
other keys with a new master key and deletes the old one: no copy of the old files can be opened afterwards.
"""

import secrets
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTERS = ("references-1", "references-2")  # names in the key store; the one not in use is always deleted
NONCE_BYTES = 12
KEY_BITS = 256


class Keys(Protocol):
    """Where keys are kept by name; `mien_core.key_store.KeyStore` in the product."""

    def load(self, name: str) -> bytes | None:
        """The key, or None where there is none."""
        ...

    def save(self, name: str, key: bytes) -> object:
        """Keep a key."""
        ...

    def delete(self, name: str) -> None:
        """Forget a key; nothing happens where there is none."""
        ...


def new_key() -> bytes:
    """32 random bytes."""
    return AESGCM.generate_key(KEY_BITS)


def seal(key: bytes, content: bytes, bound: bytes) -> bytes:
    """`content` encrypted: 12 bytes of nonce, the cipher text, 16 bytes of tag. It opens only with the same `bound`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The content of `seal`.

    Raises:
        InvalidTag: another key, another `bound`, or a changed byte.
        ValueError: too short to be sealed.
    """
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)


class MasterKeys:
    """The two names that a master key can have, of which one is in use."""

    def __init__(self, open_keys: Callable[[], Keys]) -> None:
        """`open_keys` is called when the first key is needed: secret stores are slow to wake."""
        self._open_keys = open_keys
        self._opened: Keys | None = None

    @property
    def _keys(self) -> Keys:
        if self._opened is None:
            self._opened = self._open_keys()
        return self._opened

    def require(self, name: str) -> bytes:
        """The master key called `name`; "" is the name of none.

        Raises:
            InvalidTag: there is none, so what it wraps cannot be opened.
        """
        key = self._keys.load(name) if name else None
        if key is None:
            raise InvalidTag
        return key

    def ensure(self, name: str) -> str:
        """The name of the master key in use: `name`, or the first name if that is empty; makes the key if it is lost.

        What a lost key had wrapped cannot be opened again.
        """
        name = name or MASTERS[0]
        if self._keys.load(name) is None:
            self._keys.save(name, new_key())
        return name

    def add_other(self, name: str) -> tuple[str, bytes]:
        """A new key under the name that is not `name`."""
        other, key = next(each for each in MASTERS if each != name), new_key()
        self._keys.save(other, key)
        return other, key

    def delete_all_but(self, name: str) -> None:
        """Delete every master key but the one in use; "" deletes both."""
        for each in MASTERS:
            if each != name:
                self._keys.delete(each)
