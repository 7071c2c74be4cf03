"""Where this install's private keys lie: the platform's secret store, else files that only this user can read."""

import logging
import re
import secrets
from pathlib import Path
from typing import Literal

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.errors

from mien_pipeline.files import write_whole

log = logging.getLogger(__name__)

SERVICE = "Mien"
# Backends below this are null stores or plain files with a password in the program: worse than our own file.
LEAST_PRIORITY = 1.0

Place = Literal["secret-store", "file"]


class KeyStore:
    """Keys by name, for one state folder; two installs on one machine never see each other's."""

    def __init__(self, state: Path, backend: keyring.backend.KeyringBackend | None = None) -> None:
        """`backend` is the secret store to use; by default the platform's, if it has one."""
        self._folder = state / "keys"
        self._backend = usable(backend or keyring.get_keyring())

    def load(self, name: str) -> bytes | None:
        """The key, or None where there is none.

        Raises:
            OSError: the secret store is locked, which is not the same as having none.
        """
        file = self._file(name)
        if file.exists():
            return file.read_bytes()
        try:
            stored = self._backend.get_password(SERVICE, self._account(name)) if self._backend else None
        except keyring.errors.KeyringError as error:
            raise PermissionError("the secret store is locked") from error
        return bytes.fromhex(stored) if stored else None

    def save(self, name: str, key: bytes) -> Place:
        """Keep a key, and say where it went."""
        self._make_folder()
        if self._backend is not None:
            try:
                self._backend.set_password(SERVICE, self._account(name), key.hex())
            except keyring.errors.KeyringError:
                log.warning("key-store-refused")
            else:
                return "secret-store"
        log.warning("key-in-file: no secret store, so a key lies in a file that only this user can read")
        write_whole(self._file(name), key, 0o600)
        return "file"

    def delete(self, name: str) -> None:
        """Forget a key, wherever it is."""
        self._file(name).unlink(missing_ok=True)
        if self._backend is not None and self._install_file.exists():
            try:
                self._backend.delete_password(SERVICE, self._account(name))
            except keyring.errors.KeyringError:
                log.debug("no such key in the secret store")

    @property
    def place(self) -> Place:
        """Where the next key would go."""
        return "secret-store" if self._backend else "file"

    @property
    def _install_file(self) -> Path:
        return self._folder / "install"

    def _file(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]{1,80}", name):
            raise ValueError("a key's name has small letters, digits and hyphens")
        return self._folder / f"{name}.key"

    def _account(self, name: str) -> str:
        """The name in the secret store, which all installs of this user share."""
        self._make_folder()
        if not self._install_file.exists():
            write_whole(self._install_file, secrets.token_hex(8).encode(), 0o600)
        return f"{name} {self._install_file.read_text(encoding='ascii')}"

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def usable(backend: keyring.backend.KeyringBackend) -> keyring.backend.KeyringBackend | None:
    """The secret store itself, or None: a chain of stores counts as its best link, a weak one as none."""
    if isinstance(backend, keyring.backends.chainer.ChainerBackend):
        links = [link for link in backend.backends if link.priority >= LEAST_PRIORITY]
        return max(links, key=lambda link: link.priority, default=None)
    return backend if backend.priority >= LEAST_PRIORITY else None
