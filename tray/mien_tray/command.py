"""`mien tray`: the tray app, and what its menu changes about itself, for scripts.

The rest of the menu has commands of its own: `mien open`, `mien jobs`, `mien models`, `mien pair`.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

SUMMARY = "the tray app"
BEFORE = "open"  # its line in `mien --help`
DESCRIPTION = "The tray app: it starts the daemon and shows what it does."
CATEGORIES = {
    "finished": "a job is done",
    "failed": "a job has failed",
    "pairing": "a browser asks to be paired",
    "downloads": "a model has been downloaded",
}
SWITCH = ("on", "off")


def add_arguments(parser: ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--at-login", action="store_true", help="as the session starts it: opens no page by itself")
    asked.add_argument(
        "--start-at-login",
        choices=SWITCH,
        metavar="on|off",
        help="whether the session starts it; off until you say so",
    )
    asked.add_argument("--quit", action="store_true", help="end the tray that runs; the daemon goes on")
    asked.add_argument("--quit-all", action="store_true", help="end the tray and the daemon; jobs are kept")
    for category, what in CATEGORIES.items():
        asked.add_argument(
            f"--notify-{category}", choices=SWITCH, metavar="on|off", help=f"whether the tray says that {what}"
        )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.start_at_login:
        return start_at_login(args)
    if args.quit or args.quit_all:
        return end(args)
    if changes := {
        f"notify_{category}": chosen == "on"
        for category in CATEGORIES
        if (chosen := getattr(args, f"notify_{category}")) is not None
    }:
        return change_settings(args, changes)
    return show(args)


def show(args: Namespace) -> int:
    """The tray itself, until somebody quits it."""
    import os

    from mien_cli.output import print_answer
    from mien_tray.__main__ import run as run_tray

    if args.offline:
        os.environ["MIEN_OFFLINE"] = "1"  # the daemon that the tray starts reads it
    run_tray(args.state_dir, args.models_dir, at_login=args.at_login)
    return print_answer(args, {"ended": True}, "The tray has ended.")


def start_at_login(args: Namespace) -> int:
    """Set it, or raise `StoreNotWritable` with the reason."""
    from mien_cli.output import print_answer
    from mien_core.errors import StoreNotWritable
    from mien_tray.__main__ import folder_flags
    from mien_tray.autostart import autostart

    login = autostart(folder_flags(args.state_dir, args.models_dir))
    try:
        (login.turn_on if args.start_at_login == "on" else login.turn_off)()
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreNotWritable(f"the start at login could not be set: {reason}", folder=error.filename) from error
    return print_answer(args, {"start_at_login": login.is_on()}, f"start at login: {args.start_at_login}")


def end(args: Namespace) -> int:
    from mien_api.folders import Folders
    from mien_cli.output import print_answer
    from mien_tray.__main__ import end_tray
    from mien_tray.supervisor import Places, Supervisor

    folders = Folders.find(args.state_dir, args.models_dir)
    ended = {"tray": end_tray(folders.state)}
    if args.quit_all:
        ended["daemon"] = Supervisor(Places(folders.state, folders.models, folders.logs)).stop()
    return print_answer(
        args, {"ended": ended}, ", ".join(f"{part}: {'ended' if did else 'still runs'}" for part, did in ended.items())
    )


def change_settings(args: Namespace, changes: dict[str, bool]) -> int:
    from mien_cli.output import print_answer
    from mien_cli.settings import change_settings

    change_settings(args, changes)
    return print_answer(args, changes, ", ".join(f"{name}: {'on' if on else 'off'}" for name, on in changes.items()))
