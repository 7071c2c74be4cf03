"""`mien forget-all`: remove everything personal that Mien keeps, then look again."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path

    from mien_api.folders import Folders
    from mien_daemon.state.personal_data import Stored

DESCRIPTION = (
    "Remove everything personal that Mien keeps: results, pictures, jobs, paired browsers, the reference "
    "library, keys, certificates, logs, the token for models. Settings and models stay. A running daemon is "
    "stopped first."
)
STOP_S = 15.0  # the daemon ends its worker and closes its database


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_api import runtime_file
    from mien_cli.in_process import load_config
    from mien_cli.output import print_answer
    from mien_daemon.state.personal_data import find_personal_data

    folders = load_config(args).folders
    before = find_personal_data(folders)
    if not (args.yes or args.json or ask_person(list_kept(before))):
        return print_answer(args, {}, "nothing was removed")
    stop_daemon(folders.state)
    with runtime_file.held(folders.state):
        remove_all(folders)
    after = find_personal_data(folders)
    found = {
        "removed": {"files": sum(each.files for each in before), "bytes": sum(each.bytes for each in before)},
        "remaining": [{"what": each.what, "path": str(each.path), "files": each.files} for each in after],
    }
    print_answer(args, found, f"{count_kept(before)} removed; looked again: {count_kept(after)} left")
    return 1 if after else 0


def stop_daemon(state: Path) -> None:
    """Ask a running daemon to end, and wait until it has; the tray takes that for what it is and leaves it so.

    Raises:
        AlreadyRunning: it did not end.
    """
    from mien_api import stop_daemon
    from mien_api.errors import AlreadyRunning

    if not stop_daemon.stop_daemon(state, STOP_S):
        raise AlreadyRunning("the daemon does not stop", state_dir=str(state))


def remove_all(folders: Folders) -> None:
    """Keys first: what they sealed cannot be opened any more even if a file cannot be deleted.

    A secret store that keeps a key keeps the list of keys here, so that the next try knows what to delete.
    """
    from contextlib import suppress

    from mien_core.errors import KeyUnavailable
    from mien_core.key_store import KeyStore
    from mien_daemon.state.personal_data import list_places, remove
    from mien_models.remote.token import forget_token

    keys = KeyStore(folders.state)
    for name in keys.names:
        with suppress(KeyUnavailable):
            keys.delete(name)
    with suppress(KeyUnavailable):
        forget_token()
    kept = keys.names
    for _, path in list(list_places(folders)):
        if not (kept and path == keys.folder):
            remove(path)


def ask_person(kept: str) -> bool:
    """Whether the person at the terminal agrees; True without a terminal, for scripts."""
    import sys

    from mien_cli.output import confirm, print_note

    if not sys.stdin.isatty():
        return True
    print_note(kept)
    return confirm("Remove all of this for good?")


def list_kept(before: Sequence[Stored]) -> str:
    return "\n".join(f"{each.what}: {each.path} ({each.count_label})" for each in before) or "nothing is kept"


def count_kept(kept: Sequence[Stored]) -> str:
    files, size = sum(each.files for each in kept), sum(each.bytes for each in kept)
    return f"{files} files, {size / 1e6:.1f} MB" if files else "nothing"
