"""AES-256-GCM for the files of the library, and its two master keys.

Every record has a key of its own. A master key wraps the records' keys. To shred a record, the library wraps the
other keys with a new master key and deletes the old one: no copy of the old files can be opened afterwards.

The library of ciphers is loaded when the first byte is sealed or opened: a daemon that is asked for no face never
needs its nine megabytes.
"""

import secrets
from collections.abc import Callable
from typing import Protocol

MASTERS = ("references-1", "references-2")  # names in the key store; the one not in use is always deleted
NONCE_BYTES = 12
KEY_BYTES = 32
_CHECKED = b"the master key of this library"


class Keys(Protocol):
    """Where keys are kept by name; `mien_core.key_store.KeyStore` in the product."""

    def load(self, name: str) -> bytes | None:
        """The key, or None where there is provably none; raises `KeyUnavailable` where that cannot be known."""
        ...

    def save(self, name: str, key: bytes) -> object:
        """Keep a key."""
        ...

    def delete(self, name: str) -> None:
        """Forget a key; nothing happens where there is none."""
        ...


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def encrypt(key: bytes, nonce: bytes, content: bytes, bound: bytes) -> bytes:
    """The cipher text with 16 bytes of tag. Nobody may use a nonce twice with one key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(nonce, content, bound)


def decrypt(key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The content of `encrypt`.

    Raises:
        ValueError: another key, nonce or `bound`, a changed byte, or what cannot have been encrypted at all.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(nonce, sealed, bound)
    except (InvalidTag, ValueError) as error:
        raise ValueError("this was not sealed so") from error


def seal(key: bytes, content: bytes, bound: bytes) -> bytes:
    """`content` encrypted: 12 bytes of nonce, the cipher text, 16 bytes of tag. It opens only with the same `bound`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + encrypt(key, nonce, content, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The content of `seal`.

    Raises:
        ValueError: another key, another `bound`, a changed byte, too short to be sealed, or no key.
    """
    return decrypt(key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)


def make_check(master: bytes) -> bytes:
    """A value that tells this master key from every other, and says nothing about it."""
    return seal(master, _CHECKED, b"check")


def opens(key: bytes, sealed: bytes, bound: bytes) -> bool:
    """Whether this key sealed it."""
    try:
        unseal(key, sealed, bound)
    except ValueError:
        return False
    return True


def is_check_of(master: bytes, check: bytes) -> bool:
    """Whether `make_check` made this value of this key."""
    return opens(master, check, b"check")


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

    def load(self, name: str) -> bytes | None:
        """The master key called `name`, or None where there is provably none.

        Raises:
            KeyUnavailable: it cannot be had now.
        """
        return self._keys.load(name)

    def make(self, name: str) -> bytes:
        """A new key under `name`. The caller knows that nothing is sealed with an older one."""
        key = new_key()
        self._keys.save(name, key)
        return key

    def make_other(self, name: str) -> tuple[str, bytes]:
        """A new key under the name that is not `name`."""
        other = next(each for each in MASTERS if each != name)
        return other, self.make(other)

    def require_reachable(self) -> None:
        """Return if every master key can be had, and so be deleted.

        Raises:
            KeyUnavailable: one cannot.
        """
        for name in MASTERS:
            self._keys.load(name)

    def delete_all_but(self, name: str) -> None:
        """Delete every master key but the one in use; "" deletes both.

        Raises:
            KeyUnavailable: one is still there.
        """
        for each in MASTERS:
            if each != name:
                self._keys.delete(each)
