"""Where a command logs to: a traceback belongs into a file of this user and not on the terminal."""

from __future__ import annotations

from argparse import Namespace


def log_to_file(args: Namespace) -> None:
    """Log to a file of this user from now on."""
    import logging

    from mien_api.folders import Folders
    from mien_core.redaction import log_to

    logs = Folders.find(args.state_dir, args.models_dir).logs
    try:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_to(logging.FileHandler(logs / "mien.log", encoding="utf-8", errors="backslashreplace"))
    except OSError:
        log_to(logging.NullHandler())
