"""`mien forget-all`: everything personal that Mien keeps, removed, and the proof that it is."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien_daemon.cli import Commands
    from mien_daemon.folders import Folders
    from mien_daemon.storage import Stored


def add_to(commands: Commands) -> None:
    summary = "remove everything personal that Mien keeps"
    parser = commands.add_parser(
        "forget-all",
        help=summary,
        description=(
            f"{summary.capitalize()}: results, pictures, jobs, paired browsers, the reference library, keys, "
            "certificates, logs. Settings and models stay. The daemon must not be running."
        ),
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_daemon import runtime_file
    from mien_daemon.answer import answer
    from mien_daemon.commands.local import configure
    from mien_daemon.errors import AlreadyRunning
    from mien_daemon.storage import stored

    folders = configure(args).folders
    if runtime_file.is_held(folders.state):
        raise AlreadyRunning("the daemon is running; stop it first", state_dir=str(folders.state))
    before = stored(folders)
    if not (args.yes or args.json or is_sure(words_of(before))):
        return answer(args, {}, "nothing was removed")
    with runtime_file.held(folders.state):
        forget(folders)
    after = stored(folders)
    found = {
        "removed": {"files": sum(each.files for each in before), "bytes": sum(each.bytes for each in before)},
        "remaining": [{"what": each.what, "path": str(each.path), "files": each.files} for each in after],
    }
    answer(args, found, f"{found_words(before)} removed; looked again: {found_words(after)} left")
    return 1 if after else 0


def forget(folders: Folders) -> None:
    """Keys first: what they sealed cannot be opened any more even if a file cannot be deleted."""
    from mien_daemon.references import ReferenceLibrary
    from mien_daemon.storage import places, remove
    from mien_pipeline.trust.authority import Authority

    ReferenceLibrary(folders.state).forget_all()
    Authority(folders.state).forget()
    for _, path in list(places(folders)):
        remove(path)


def is_sure(kept: str) -> bool:
    """What the person at the terminal says; where nobody sits at one, the command was meant."""
    import sys

    if not sys.stdin.isatty():
        return True
    sys.stderr.write(f"{kept}\nRemove all of this for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def words_of(before: Sequence[Stored]) -> str:
    return "\n".join(f"{each.what}: {each.path} ({each.files} files)" for each in before) or "nothing is kept"


def found_words(kept: Sequence[Stored]) -> str:
    files, size = sum(each.files for each in kept), sum(each.bytes for each in kept)
    return f"{files} files, {size / 1e6:.1f} MB" if files else "nothing"
