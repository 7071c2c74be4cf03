"""Where this install's private keys are: the platform's secret store, else files that only this user can read."""

import logging
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Literal

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.errors

from mien_core.files import write_whole

log = logging.getLogger(__name__)

SERVICE = "Mien"
# Backends below this are null stores or plain files with a password in the program: worse than our own file.
LEAST_PRIORITY = 1.0

KeyPlace = Literal["secret-store", "file"]


class KeyStore:
    """Keys by name, for one state folder; two installs on one machine never see each other's."""

    def __init__(self, state: Path, backend: keyring.backend.KeyringBackend | None = None) -> None:
        """`backend` is the secret store to use; by default the platform's, if it has one."""
        self.folder = state / "keys"
        self._backend = trusted_secret_store(backend)

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

    def save(self, name: str, key: bytes) -> KeyPlace:
        """Keep a key, and say where it went."""
        self._make_folder()
        if self._backend is not None:
            self._write_down({*self._in_secret_store, name})  # first: no crash may leave an entry that is never deleted
            try:
                self._backend.set_password(SERVICE, self._account(name), key.hex())
            except keyring.errors.KeyringError:
                log.warning("key-store-refused")
                self._write_down(self._in_secret_store - {name})
            else:
                return "secret-store"
        log.warning("key-in-file: no secret store, so a key is in a file that only this user can read")
        write_whole(self._file(name), key, 0o600)
        return "file"

    def delete(self, name: str) -> None:
        """Forget a key, wherever it is.

        Raises:
            PermissionError: the secret store still has it.
        """
        self._file(name).unlink(missing_ok=True)
        if name not in self._in_secret_store:
            return
        try:
            if self._backend is None:
                raise PermissionError("the secret store that has the key is not there")
            with suppress(keyring.errors.PasswordDeleteError):  # it has none, which is looked at next
                self._backend.delete_password(SERVICE, self._account(name))
            if self._backend.get_password(SERVICE, self._account(name)) is not None:
                raise PermissionError("the secret store has not deleted a key")
        except keyring.errors.KeyringError as error:
            raise PermissionError("the secret store is locked") from error
        self._write_down(self._in_secret_store - {name})

    @property
    def names(self) -> list[str]:
        """Every key there is, in the secret store or in a file."""
        return sorted({*self._in_secret_store, *(path.stem for path in self.folder.glob("*.key"))})

    @property
    def place(self) -> KeyPlace:
        """Where the next key would go."""
        return "secret-store" if self._backend else "file"

    @property
    def _in_secret_store(self) -> set[str]:
        """The names, never the keys: a secret store cannot be asked what it has of ours."""
        return set(self._list.read_text(encoding="ascii").split()) if self._list.exists() else set()

    def _write_down(self, names: set[str]) -> None:
        write_whole(self._list, "\n".join(sorted(names)).encode(), 0o600)

    @property
    def _list(self) -> Path:
        return self.folder / "in-secret-store"

    @property
    def _install_file(self) -> Path:
        return self.folder / "install"

    def _file(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]{1,80}", name):
            raise ValueError("a key's name has small letters, digits and hyphens")
        return self.folder / f"{name}.key"

    def _account(self, name: str) -> str:
        """The name in the secret store, which all installs of this user share."""
        self._make_folder()
        if not self._install_file.exists():
            write_whole(self._install_file, secrets.token_hex(8).encode(), 0o600)
        return f"{name} {self._install_file.read_text(encoding='ascii')}"

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def trusted_secret_store(
    backend: keyring.backend.KeyringBackend | None = None,
) -> keyring.backend.KeyringBackend | None:
    """The secret store to use, or None where there is only a weak one: a chain of stores counts as its best link.

    `backend` is asked; by default the platform's.
    """
    backend = backend or keyring.get_keyring()
    if isinstance(backend, keyring.backends.chainer.ChainerBackend):
        links = [link for link in backend.backends if link.priority >= LEAST_PRIORITY]
        return max(links, key=lambda link: link.priority, default=None)
    return backend if backend.priority >= LEAST_PRIORITY else None
