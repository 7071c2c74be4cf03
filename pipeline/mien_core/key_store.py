"""Where this install's private keys are: the platform's secret store, else files that only this user can read."""

import logging
import os
import re
import secrets
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mien_core.errors import KeyUnavailable
from mien_core.files import make_private_folder, remove_file, write_whole

if TYPE_CHECKING:
    # Finding the platform's store loads every backend there is, for a seventh of a second: only who needs it waits.
    import keyring.backend

log = logging.getLogger(__name__)

SERVICE = "Mien"
# Backends below this are null stores or plain files with a password in the program: worse than our own file.
LEAST_PRIORITY = 1.0

# Any of these says that there is a session, whose bus can at least be started.
_SESSION = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")

KeyPlace = Literal["secret-store", "file"]


class KeyStore:
    """Keys by name, for one state folder; two installs on one machine never see each other's."""

    def __init__(self, state: Path, backend: "keyring.backend.KeyringBackend | None" = None) -> None:
        """`backend` is the secret store to use; by default the platform's, if it has one."""
        self.folder = state / "keys"
        self._given = backend

    @cached_property
    def _backend(self) -> "keyring.backend.KeyringBackend | None":
        """The secret store, looked for when the first key is needed: a caged process may never need one."""
        return trusted_secret_store(self._given)

    def load(self, name: str) -> bytes | None:
        """The key, or None where there is provably none: it was never kept, or the store that kept it has none now.

        Raises:
            KeyUnavailable: the key is in a secret store that is locked ("locked"), or that is not this one ("absent").
        """
        file = self._file(name)
        if file.exists():
            return file.read_bytes()
        listed = self._in_secret_store
        if self._backend is None:
            if name in listed:
                raise _absent()
            return None
        try:
            stored = self._ask(name)
        except KeyUnavailable:
            if name in listed:
                raise
            return None  # a locked store cannot hold what was never put there
        if stored is None and listed.get(name) not in {None, "", self._backend_name}:
            raise _absent()
        return stored

    def save(self, name: str, key: bytes) -> KeyPlace:
        """Keep a key where it can be read again, and say where that is."""
        self._make_folder()
        if self._backend is not None:
            before = self._in_secret_store
            # First, because no crash may leave an entry that is never deleted.
            self._write_down({**before, name: self._backend_name})
            if self._put(name, key):
                remove_file(self._file(name))
                return "secret-store"
            log.warning("key-store-refused")
            self._write_down(before)
        log.warning("key-in-file: no secret store, so a key is in a file that only this user can read")
        write_whole(self._file(name), key, 0o600)
        return "file"

    def delete(self, name: str) -> None:
        """Forget a key, wherever it is.

        Raises:
            KeyUnavailable: the secret store still has it, or is not there to be asked.
        """
        self._file(name).unlink(missing_ok=True)
        if name not in self._in_secret_store:
            return
        if self._backend is None:
            raise _absent()
        from keyring.errors import PasswordDeleteError

        # A store that has none says so by an error; what it has is looked at next.
        with naming_refusals(), suppress(PasswordDeleteError):
            self._backend.delete_password(SERVICE, self._account(name))
        if self._ask(name) is not None:
            raise KeyUnavailable("the secret store has not deleted a key", reason="locked")
        self._write_down({each: place for each, place in self._in_secret_store.items() if each != name})

    def _put(self, name: str, key: bytes) -> bool:
        """Whether the secret store took the key and gives it back."""
        assert self._backend is not None  # noqa: S101 - asked by our only caller
        try:
            with naming_refusals():
                self._backend.set_password(SERVICE, self._account(name), key.hex())
            return self._ask(name) == key
        except KeyUnavailable:
            return False

    def _ask(self, name: str) -> bytes | None:
        """What the secret store has under a name; raises `KeyUnavailable` where it does not say."""
        assert self._backend is not None  # noqa: S101 - asked by our callers
        with naming_refusals():
            stored = self._backend.get_password(SERVICE, self._account(name))
        try:
            return bytes.fromhex(stored) if stored else None
        except ValueError:
            raise KeyUnavailable("the secret store has another thing under the key's name", reason="wrong") from None

    @property
    def names(self) -> list[str]:
        """Every key there is, in the secret store or in a file."""
        return sorted({*self._in_secret_store, *(path.stem for path in self.folder.glob("*.key"))})

    @property
    def place(self) -> KeyPlace:
        """Where the next key would go."""
        return "secret-store" if self._backend else "file"

    @property
    def _in_secret_store(self) -> dict[str, str]:
        """Which keys are in a secret store, and in which kind of store ("" where an older version did not say).

        Never the keys: a secret store cannot be asked what it has of ours.
        """
        lines = self._list.read_text(encoding="utf-8").splitlines() if self._list.exists() else ()
        return {name: place for name, _, place in (line.partition(" ") for line in lines) if name}

    @property
    def _backend_name(self) -> str:
        return f"{type(self._backend).__module__}.{type(self._backend).__qualname__}"

    def _write_down(self, places: Mapping[str, str]) -> None:
        lines = [f"{name} {places[name]}".rstrip() for name in sorted(places)]
        write_whole(self._list, "\n".join(lines).encode(), 0o600)

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
        make_private_folder(self.folder)


def _absent() -> KeyUnavailable:
    return KeyUnavailable("the secret store that has the key is not there", reason="absent")


@contextmanager
def naming_refusals() -> Generator[None]:
    """Turn whatever a secret store raises into one refusal: its backends are other programs' code.

    Raises:
        KeyUnavailable: `reason` is "locked".
    """
    try:
        yield
    except KeyUnavailable:
        raise
    except Exception as error:
        raise KeyUnavailable("the secret store is locked, or refuses", reason="locked") from error


def has_secret_store(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether it is worth looking: Linux keeps secrets behind the bus of a session, and a server has none.

    A person's choice of a store, and a package that brings one, are always looked at.
    """
    if sys.platform != "linux" or {"PYTHON_KEYRING_BACKEND", *_SESSION} & set(environ):
        return True
    if Path(f"/run/user/{os.getuid()}/bus").exists():
        return True
    from importlib.metadata import entry_points

    config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "python_keyring" / "keyringrc.cfg"
    brought = (point.value for point in entry_points(group="keyring.backends"))
    return config.exists() or not all(value.startswith("keyring.backends") for value in brought)


def trusted_secret_store(
    backend: "keyring.backend.KeyringBackend | None" = None,
) -> "keyring.backend.KeyringBackend | None":
    """The secret store to use, or None where there is only a weak one: a chain of stores counts as its best link.

    `backend` is asked; by default the platform's. One that cannot be loaded here, or cannot be reached, is none.
    """
    if backend is None and not has_secret_store():
        return None
    import keyring
    import keyring.backends.chainer

    try:
        backend = backend or keyring.get_keyring()
        if isinstance(backend, keyring.backends.chainer.ChainerBackend):
            links = [link for link in backend.backends if link.priority >= LEAST_PRIORITY]
            return max(links, key=lambda link: link.priority, default=None)
        return backend if backend.priority >= LEAST_PRIORITY else None
    except Exception as error:  # noqa: BLE001 - a backend is another program's code, named by an environment variable
        log.warning("no-secret-store: %s", type(error).__name__)
        return None
