"""The `mien` command: read the words, run the command that they name, print refusals."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from mien_cli.commands import SUMMARIES
from mien_cli.interrupts import INTERRUPTS
from mien_cli.registry import BrokenCommand, find_module, list_summaries, load_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Commands = argparse._SubParsersAction["Parser"]  # pyright: ignore[reportPrivateUsage]

WRONG_USAGE = 2
INTERRUPTED = 130
INDENT = " " * len("mien: ")


class WrongUsage(Exception):
    """The words are no command; `usage` says what would be one."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class AlignedHelp(argparse.HelpFormatter):
    """All summaries in one column: argparse forgets that it indents the names of commands."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action.choices, dict):
            self._action_max_length += self._indent_increment


class Parser(argparse.ArgumentParser):
    """Raises `WrongUsage` where argparse prints the error and exits."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=AlignedHelp, **more)

    def error(self, message: str) -> NoReturn:
        raise WrongUsage(message, self.format_usage())


def build_parser(named: str | None) -> argparse.ArgumentParser:
    """The parser of the command that is named; where none is, the list of all commands.

    Raises:
        BrokenCommand: the command's module cannot be loaded.
    """
    parser, commands = build_empty_parser()
    if named and (module := find_module(named)):
        add_command(commands, named, module)
        complete_parser(parser)
        return parser
    for name, summary in list_summaries().items():
        commands.add_parser(name, help=summary)
    return parser


def build_whole_parser() -> argparse.ArgumentParser:
    """The parser of all commands at once, without those that cannot be loaded."""
    from contextlib import suppress

    parser, commands = build_empty_parser()
    for name in list_summaries():
        with suppress(BrokenCommand):
            add_command(commands, name, find_module(name) or "")
    complete_parser(parser)
    return parser


def build_empty_parser() -> tuple[Parser, Commands]:
    """The parser of `mien` without a command, and where commands are added."""
    parser = Parser(prog="mien", description="Swap a reference face into a target image, on this machine only.")
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    return parser, parser.add_subparsers(metavar="COMMAND", dest="command")


def add_command(commands: Commands, name: str, module: str) -> None:
    """Add one command with its arguments.

    Raises:
        BrokenCommand: the command's module cannot be loaded.
    """
    command = load_command(name, module)
    summary = SUMMARIES.get(name) or getattr(command, "SUMMARY", "")
    leaf = commands.add_parser(name, help=summary, description=getattr(command, "DESCRIPTION", None))
    command.add_arguments(leaf)


def complete_parser(parser: argparse.ArgumentParser, below: bool = False) -> None:
    """Give each command without a description its summary as one, and each leaf the flags that all leaves have.

    A command with actions of which none is required is a leaf as well. `below` says that the parser is below such a
    one: a flag that was given before the action counts.
    """
    kind = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage]
    groups = [action for action in parser._actions if isinstance(action, kind)]
    for group in groups:
        summaries = {listed.dest: listed.help or "" for listed in group._choices_actions}
        for name, command in group.choices.items():
            command.description = command.description or to_sentence(summaries[name])
            complete_parser(command, below=parser.get_default("run") is not None)
    if not groups or parser.get_default("run"):
        parser.set_defaults(leaf=parser)
        add_common_flags(parser, argparse.SUPPRESS if below else None)


def add_common_flags(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add what every leaf understands; `default` of None is each flag's own."""
    switch = False if default is None else default
    parser.add_argument(
        "--json", action="store_true", default=switch, help="one JSON document on stdout, nothing else there"
    )
    parser.add_argument("--offline", action="store_true", default=switch, help="no connection leaves this process")
    parser.add_argument("--state-dir", metavar="DIR", default=default, help="the daemon's state folder")
    parser.add_argument("--models-dir", metavar="DIR", default=default, help="the model store's folder")


def to_sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Every refusal is printed as a problem document or a sentence, never as a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = parse(words)
    except WrongUsage as wrong:
        return print_wrong_usage(wrong, in_json="--json" in words)
    except BrokenCommand as broken:
        from mien_core.errors import EngineUnavailable

        return print_refusal(EngineUnavailable(str(broken)), in_json="--json" in words)
    if args.version:
        from mien_core.version import describe_version

        sys.stdout.write(f"{describe_version()}\n")
        return 0
    if args.command is None:
        build_parser(None).print_help(sys.stderr)
        return WRONG_USAGE
    args.owns_process = argv is None
    args.build_whole_parser = build_whole_parser  # for the one command that is about the others
    return run(args)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command that the words name.

    Raises:
        WrongUsage: with the usage of that command; an error before the command's name has the usage of `mien`.
        BrokenCommand: the command's module cannot be loaded.
    """
    named = next((word for word in words if not word.startswith("-")), None)
    parser = build_parser(named)
    args, unknown = parser.parse_known_args(words)
    if unknown:
        before = words[: words.index(named)] if named else words
        asked = parser if unknown[0] in before else getattr(args, "leaf", parser)
        raise WrongUsage(f"unrecognized arguments: {' '.join(unknown)}", asked.format_usage())
    return args


def run(args: argparse.Namespace) -> int:
    from mien_core.errors import MienError
    from mien_core.hardening import disable_core_dumps

    disable_core_dumps()
    try:
        status: int = args.run(args)
        INTERRUPTS.check()
    except KeyboardInterrupt:
        return print_interruption()
    except MienError as error:
        return print_refusal(error, in_json=args.json)
    except Exception as error:  # noqa: BLE001 -- the outermost handler
        from mien_cli.log_file import log_to_file

        log_to_file(args)
        return print_refusal(name_folder_error(error), in_json=args.json)
    return status


def print_interruption() -> int:
    sys.stderr.write("interrupted\n")
    return INTERRUPTS.status or INTERRUPTED


def name_folder_error(error: Exception) -> Exception:
    """`OutputNotWritable` or `DiskFull` for a folder that cannot be used; any other error as it is."""
    import errno
    from pathlib import Path

    from mien_core.files import output_error

    theirs = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC, errno.EDQUOT}
    if isinstance(error, OSError) and error.errno in theirs and isinstance(error.filename, str):
        return output_error(Path(error.filename), error)
    return error


def print_wrong_usage(wrong: WrongUsage, *, in_json: bool) -> int:
    if in_json:
        from mien_api.problems import problem_for
        from mien_cli.output import to_json
        from mien_core.errors import BadRequest

        sys.stdout.write(to_json(problem_for(BadRequest(str(wrong)))) + "\n")
    sys.stderr.write(f"{wrong.usage}mien: {wrong}\n")
    return WRONG_USAGE


def print_refusal(error: Exception, *, in_json: bool) -> int:
    """Print what was refused; where a signal came first, that is why."""
    if INTERRUPTS.status:
        return print_interruption()
    from mien_api.problems import problem_for
    from mien_cli.output import to_json

    problem = problem_for(error)
    if in_json:
        sys.stdout.write(to_json(problem) + "\n")
    sys.stderr.write(to_text(problem))
    return 1


def to_text(problem: Mapping[str, object]) -> str:
    """What happened, then the names that are known or the command that helps."""
    from textwrap import fill

    incident = f", incident {problem['incident']}" if "incident" in problem else ""
    said, known = str(problem.get("detail", problem["title"])), problem.get("known")
    lines = [f"mien: {said}{incident}"]
    if isinstance(known, list):
        names = f"{INDENT}known: {', '.join(map(str, known))}"
        lines.append(fill(names, 80, subsequent_indent=INDENT, break_on_hyphens=False))
    if "log" in problem:
        lines.append(f"{INDENT}log: {problem['log']}")
    if (command := str(problem.get("command", ""))) and command not in said:
        lines.append(f"{INDENT}{command}")
    return "\n".join([*lines, ""])
