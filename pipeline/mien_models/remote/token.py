"""The person's Hugging Face token: in the system's secret store, or handed over in the environment."""

import os
from collections.abc import Mapping

_SERVICE, _ACCOUNT = "mien", "huggingface"


def read_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """`HF_TOKEN`, or what `keep_token` kept; None without either, or without a secret store that we trust."""
    if own := environ.get("HF_TOKEN"):
        return own
    from keyring.errors import KeyringError

    from mien_core.key_store import trusted_secret_store

    store = trusted_secret_store()
    try:
        return store.get_password(_SERVICE, _ACCOUNT) if store else None
    except KeyringError:
        return None


def keep_token(token: str) -> bool:
    """Put the token into the secret store; false where the system has none, and then nothing is kept."""
    from keyring.errors import KeyringError

    from mien_core.key_store import trusted_secret_store

    if (store := trusted_secret_store()) is None:
        return False
    try:
        store.set_password(_SERVICE, _ACCOUNT, token)
    except KeyringError:
        return False
    return True


def forget_token() -> None:
    """Remove the token, if there is one."""
    from keyring.errors import PasswordDeleteError

    from mien_core.key_store import trusted_secret_store

    if (store := trusted_secret_store()) is not None:
        try:
            store.delete_password(_SERVICE, _ACCOUNT)
        except PasswordDeleteError:
            return
