"""`mien completion SHELL`: the script with which a shell completes commands, flags and files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Action, ArgumentParser
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
DESCRIPTION = "Print the script with which a shell completes the words of mien; packages install it."
FOLDERS = {"DIR"}
FILES = {"FILE", "IMAGE", "OUT", "PATH", "REFERENCE", "TARGET"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import shtab

    from mien_cli.output import print_answer

    parser: ArgumentParser = args.build_whole_parser()
    for action in walk(parser):
        if action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        elif action.metavar in FILES or action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    script = shtab.complete(parser, args.shell)
    return print_answer(args, {"shell": args.shell, "script": script}, script.rstrip("\n"))


def walk(parser: ArgumentParser) -> Iterator[Action]:
    """Every argument of a parser and of its commands."""
    for action in parser._actions:  # argparse has no public way to its own arguments
        yield action
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from walk(command)
