"""Secret stores in memory, to hand to a `KeyStore`."""

from pathlib import Path
from typing import cast

import keyring.backend
import keyring.backends.fail
import keyring.errors

from mien_core.key_store import KeyStore


class MemoryStore:
    """A secret store that holds what it is given, as a desktop's does.

    No subclass of the library's: those register themselves and would become the whole process's secret store.
    """

    priority = 5.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("absent")


def no_store() -> object:
    """What the library answers on a machine without any."""
    return keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]


def stored_in(state: Path, backend: object) -> KeyStore:
    return KeyStore(state, cast("keyring.backend.KeyringBackend", backend))
