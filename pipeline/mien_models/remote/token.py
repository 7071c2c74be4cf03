"""The person's Hugging Face token: in the system's secret store, or handed over in the environment."""

import os
from collections.abc import Mapping

_SERVICE, _ACCOUNT = "mien", "huggingface"


def read_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """`HF_TOKEN`, or what `keep_token` kept; None without either, or without a store that deserves the name."""
    if own := environ.get("HF_TOKEN"):
        return own
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, _ACCOUNT) if _trustworthy() else None
    except KeyringError:
        return None


def keep_token(token: str) -> bool:
    """Put the token into the secret store; false where the system has none, and then nothing is kept."""
    import keyring
    from keyring.errors import KeyringError

    if not _trustworthy():
        return False
    try:
        keyring.set_password(_SERVICE, _ACCOUNT, token)
    except KeyringError:
        return False
    return True


def forget_token() -> None:
    """Remove the token, if there is one."""
    import keyring
    from keyring.errors import PasswordDeleteError

    if _trustworthy():
        try:
            keyring.delete_password(_SERVICE, _ACCOUNT)
        except PasswordDeleteError:
            return


def _trustworthy() -> bool:
    """Backends below priority 1 keep secrets in plain files, or nowhere."""
    import keyring

    return keyring.get_keyring().priority >= 1
