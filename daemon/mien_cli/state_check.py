"""`mien doctor --check`: the state folder looked at, by the running daemon or, where none runs, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path


def check_state(args: Namespace) -> int:
    """Print everything that does not agree; 1 when something is left that way."""
    from mien_api.client import DaemonClient
    from mien_cli.in_process import load_config
    from mien_cli.output import print_answer

    state = load_config(args).folders.state
    daemon = DaemonClient.discover(state)
    found: dict[str, Any]
    if daemon is not None:
        found = daemon.request("POST", "/v1/state/check", {"repair": args.repair})
    else:
        found = look_here(state, repair=args.repair)
    lines = [str(each["sentence"]) for each in found["findings"]]
    if not found["ok"] and not args.repair:
        lines.append("`mien doctor --check --repair` mends this; nothing that a person made is deleted.")
    print_answer(args, found, "\n".join(lines) or "Nothing is wrong.")
    return 0 if found["ok"] else 1


def look_here(state: Path, *, repair: bool) -> dict[str, Any]:
    """The same as the daemon's route, with the state folder held so that none starts meanwhile.

    Raises:
        AlreadyRunning, StateBusy, StateUnavailable, StateTooNew: the folder cannot be looked at.
    """
    import asyncio

    from mien_api import runtime_file
    from mien_daemon.state.check import StateCheck, find_damage
    from mien_daemon.state.database import NAME, Database
    from mien_daemon.state.reconcile import Finding

    if not (state / NAME).exists():
        return {"ok": True, "findings": []}
    found: list[Finding] = []
    with runtime_file.held(state):
        if not repair and (damage := find_damage(state / NAME)):
            found.append(Finding("damaged-database", damage))
        else:
            database = Database(state)
            try:
                found += asyncio.run(StateCheck(database, state).run(repair=repair))
            finally:
                database.close()
            if database.moved_aside is not None:
                found.insert(0, Finding("damaged-database", database.moved_aside.name, "quarantined"))
    return {
        "ok": all(each.done != "nothing" for each in found),
        "findings": [
            {"code": each.code, "subject": each.subject, "done": each.done, "sentence": str(each)} for each in found
        ],
    }
