"""`mien tray`: the tray app, and flags for what its menu changes about itself.

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
    asked.add_argument("--at-login", action="store_true", help="started by the session: open no page by itself")
    asked.add_argument(
        "--start-at-login",
        choices=SWITCH,
        metavar="on|off",
        help="whether the session starts it; off by default",
    )
    asked.add_argument("--quit", action="store_true", help="end the running tray; the daemon keeps running")
    asked.add_argument("--quit-all", action="store_true", help="end the tray and the daemon; jobs are kept")
    for category, what in CATEGORIES.items():
        asked.add_argument(
            f"--notify-{category}", choices=SWITCH, metavar="on|off", help=f"whether the tray notifies you when {what}"
        )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.start_at_login:
        return set_start_at_login(args)
    if args.quit or args.quit_all:
        return end_tray_and_daemon(args)
    if changes := {
        f"notify_{category}": chosen == "on"
        for category in CATEGORIES
        if (chosen := getattr(args, f"notify_{category}")) is not None
    }:
        return change_settings(args, changes)
    return run_here(args)


def run_here(args: Namespace) -> int:
    """Run the tray until it is quit."""
    import os

    from mien_cli.output import print_answer
    from mien_tray.__main__ import run as run_tray

    if args.offline:
        os.environ["MIEN_OFFLINE"] = "1"  # the daemon that the tray starts reads it
    run_tray(args.state_dir, args.models_dir, at_login=args.at_login)
    return print_answer(args, {"ended": True}, "The tray has ended.")


def set_start_at_login(args: Namespace) -> int:
    """Turn the start at login on or off.

    Raises:
        StoreNotWritable: the system refuses; `folder` is what cannot be written.
    """
    from mien_cli.output import print_answer
    from mien_core.errors import StoreNotWritable
    from mien_tray.__main__ import build_folder_flags
    from mien_tray.autostart import choose_autostart

    login = choose_autostart(build_folder_flags(args.state_dir, args.models_dir))
    try:
        (login.turn_on if args.start_at_login == "on" else login.turn_off)()
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreNotWritable(f"the start at login could not be set: {reason}", folder=error.filename) from error
    return print_answer(args, {"start_at_login": login.is_on()}, f"start at login: {args.start_at_login}")


def end_tray_and_daemon(args: Namespace) -> int:
    from mien_api.folders import Folders
    from mien_cli.output import print_answer
    from mien_tray.__main__ import end_tray
    from mien_tray.supervisor import Supervisor

    folders = Folders.find(args.state_dir, args.models_dir)
    ended = {"tray": end_tray(folders.state)}
    if args.quit_all:
        ended["daemon"] = Supervisor(folders).stop()
    return print_answer(
        args, {"ended": ended}, ", ".join(f"{part}: {'ended' if did else 'still runs'}" for part, did in ended.items())
    )


def change_settings(args: Namespace, changes: dict[str, bool]) -> int:
    from mien_cli.output import print_answer
    from mien_cli.settings import change_settings

    change_settings(args, changes)
    return print_answer(args, changes, ", ".join(f"{name}: {'on' if on else 'off'}" for name, on in changes.items()))
