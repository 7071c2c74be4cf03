"""The person's Hugging Face token: in the system's secret store, or handed over in the environment."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mien_core.errors import KeyUnavailable

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE, _ACCOUNT = "mien", "huggingface"


def read_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """`HF_TOKEN`, or what `keep_token` kept; None without either, or without a secret store that we trust.

    Raises:
        KeyUnavailable: the secret store is locked, so that what it has is not known.
    """
    if own := environ.get("HF_TOKEN"):
        return own
    with _asking() as store:
        return store.get_password(_SERVICE, _ACCOUNT) if store else None


def keep_token(token: str) -> None:
    """Put the token into the secret store.

    Raises:
        KeyUnavailable: there is none, or it is locked; nothing is kept.
    """
    with _asking() as store:
        if store is None:
            raise _no_store()
        store.set_password(_SERVICE, _ACCOUNT, token)


def forget_token() -> None:
    """Remove the token, if there is one.

    Raises:
        KeyUnavailable: there is no secret store here, or it is locked, so that it may still have one.
    """
    from keyring.errors import PasswordDeleteError

    with _asking() as store:
        if store is None:
            raise _no_store()
        try:
            store.delete_password(_SERVICE, _ACCOUNT)
        except PasswordDeleteError:
            if store.get_password(_SERVICE, _ACCOUNT) is not None:
                raise


@contextmanager
def _asking() -> Generator["KeyringBackend | None"]:
    """The secret store; what it refuses is one named error."""
    from mien_core.key_store import naming_refusals, trusted_secret_store

    store = trusted_secret_store()
    with naming_refusals():
        yield store


def _no_store() -> KeyUnavailable:
    return KeyUnavailable(
        "this system has no secret store; set HF_TOKEN for the commands that need it", reason="absent"
    )
