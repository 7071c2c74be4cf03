"""The statement about a reference face that is used once: asked for once a session. The picture is not kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

SESSION_S = 12 * 3600.0  # a terminal that stays open for days asks again


def add_statement_arguments(parser: ArgumentParser) -> None:
    """Add the flags with which a script makes the statement."""
    parser.add_argument(
        "--basis", default="", metavar="BASIS", help="self (it shows you), or written-permission (you have theirs)"
    )
    parser.add_argument("--adult", action="store_true", help="the person is an adult")


def require_statement(args: Namespace) -> None:
    """Return when the statement was made: by flags, or on the terminal, once a session.

    Without flags and without a terminal, stderr says what using the command states.

    Raises:
        ConsentRequired: the person did not confirm, or gave one flag of two; `field` names the missing one.
    """
    from mien_cli.in_process import load_config
    from mien_cli.output import print_note
    from mien_core.errors import ConsentRequired
    from mien_daemon.references.consent import Consent

    if args.basis or args.adult:
        Consent.given("", args.basis, adult=args.adult, expires_at=None)
        return
    record = load_config(args).folders.state / "stated"
    if is_recorded(record):
        return
    if not is_at_terminal():
        print_note(f"By using a reference face you state: {join_statements()} (--basis and --adult say so in words.)")
        return
    if not ask_person():
        raise ConsentRequired("a face is used with permission only", field="basis")
    record_statement(record)


def is_at_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_person() -> bool:
    from mien_cli.output import confirm, print_note

    print_note(f"Faces are used with permission only. {join_statements()}")
    return confirm("Is this true of every reference face you use in this session?")


def join_statements() -> str:
    from mien_daemon.references.consent import STATEMENTS

    return " Or: ".join(STATEMENTS.values())


def is_recorded(record: Path) -> bool:
    """Whether the statement was made in this session, with the present words, within `SESSION_S`."""
    try:
        # A clock that was set back since does not make the statement last longer.
        is_recent = 0 <= time.time() - record.stat().st_mtime < SESSION_S
        return is_recent and record.read_text(encoding="ascii") == name_session()
    except OSError:
        return False


def record_statement(record: Path) -> None:
    from mien_core.files import write_whole

    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(record, name_session().encode(), 0o600)


def name_session() -> str:
    """The version of the statement and the terminal's session; nothing of the picture or the person."""
    import os
    import sys

    from mien_core.windows import name_terminal
    from mien_daemon.references.consent import STATEMENT_VERSION

    if sys.platform == "win32":
        import psutil

        return f"{STATEMENT_VERSION} {name_terminal(psutil.Process().parents())}"
    return f"{STATEMENT_VERSION} {os.getsid(0)}"
