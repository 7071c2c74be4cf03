"""The `mien` command: every noun has a file in `commands/`, loaded only when it is named."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn, TypeAlias

# What `add_subparsers` returns; argparse has no public name for it.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage]

# name → (module, one line for `mien --help`), first what a newcomer wants, last what keeps it running.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("mien_cli.commands.demo", "swap two bundled public-domain portraits"),
    "swap": ("mien_cli.commands.swap", "put a reference face into a target image"),
    "restore": ("mien_cli.commands.restore", "repair skin detail without changing the face (Vivid)"),
    "engines": ("mien_cli.commands.engines", "every engine: ready, or what it lacks"),
    "models": ("mien_cli.commands.models", "the model store"),
    "references": ("mien_cli.commands.references", "the consented reference library"),
    "verify": ("mien_cli.commands.verify", "what a picture says about itself"),
    "credentials": ("mien_cli.commands.credentials", "the certificate that signs results"),
    "serve": ("mien_cli.commands.serve", "the daemon"),
    "jobs": ("mien_cli.commands.jobs", "the queue of the running daemon"),
    "pair": ("mien_cli.commands.pair", "let a browser talk to the daemon"),
    "clients": ("mien_cli.commands.clients", "who may talk to the daemon"),
    "token": ("mien_cli.commands.clients", "tokens for scripts"),
    "plan": ("mien_cli.commands.plan", "the memory plan of an engine"),
    "bench": ("mien_cli.commands.bench", "the benchmark"),
    "tray": ("mien_tray.command", "the tray app"),
    "open": ("mien_cli.commands.open", "the console page in the default browser"),
    "doctor": ("mien_cli.commands.doctor", "what is installed, missing, misconfigured"),
    "forget-all": ("mien_cli.commands.forget_all", "remove everything personal that Mien keeps"),
}

WRONG_USAGE = 2
INTERRUPTED = 130
INDENT = " " * len("mien: ")


class WrongUsage(Exception):
    """The words make no command; `usage` says which would."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class Columns(argparse.HelpFormatter):
    """One column for all summaries: argparse forgets that the commands it lists stand further in."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action.choices, dict):
            self._action_max_length += self._indent_increment


class Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit with."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=Columns, **more)

    def error(self, message: str) -> NoReturn:
        raise WrongUsage(message, self.format_usage())


def build_parser(named: str | None) -> argparse.ArgumentParser:
    """The parser with the command that was named filled in by its module; the others are only listed."""
    parser = Parser(prog="mien", description="Swap a reference face into a target image, on this machine only.")
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    if named:
        import_module(COMMANDS[named][0]).add_to(commands)
        complete(parser)
    for name, (_, summary) in COMMANDS.items():
        if name not in commands.choices:
            commands.add_parser(name, help=summary)
    return parser


def complete(parser: argparse.ArgumentParser) -> None:
    """Give every command that has no description its summary for one, and every leaf what all of them take."""
    kind = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage]
    groups = [action for action in parser._actions if isinstance(action, kind)]
    for group in groups:
        summaries = {listed.dest: listed.help or "" for listed in group._choices_actions}
        for name, command in group.choices.items():
            command.description = command.description or sentence(summaries[name])
            complete(command)
    if not groups:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
        parser.add_argument("--offline", action="store_true", help="no connection leaves this process")
        parser.add_argument("--state-dir", metavar="DIR", help="the daemon's state folder")
        parser.add_argument("--models-dir", metavar="DIR", help="the model store's folder")


def sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every refusal comes out as a problem document or a sentence, never as a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    named = words[0] if words and words[0] in COMMANDS else None
    parser = build_parser(named)
    try:
        args = parser.parse_args(words)
    except WrongUsage as wrong:
        return refuse_usage(wrong, in_json="--json" in words)
    if args.version:
        from importlib.metadata import version

        sys.stdout.write(f"mien {version('mien')}\n")
        return 0
    if args.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    return run(args)


def run(args: argparse.Namespace) -> int:
    from mien_core.errors import MienError
    from mien_core.hardening import disable_core_dumps

    disable_core_dumps()
    try:
        status: int = args.run(args)
    except MienError as error:
        return refuse(args, error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 -- the outermost place there is
        log_to_file(args)
        return refuse(args, named(error))
    return status


def named(error: Exception) -> Exception:
    """A folder that cannot be used is the person's to mend, whichever command met it; the rest stays as it is."""
    import errno
    from pathlib import Path

    from mien_core.files import output_error

    theirs = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC, errno.EDQUOT}
    if isinstance(error, OSError) and error.errno in theirs and isinstance(error.filename, str):
        return output_error(Path(error.filename), error)
    return error


def log_to_file(args: argparse.Namespace) -> None:
    """From here on the log is a file of this user's: a traceback is for whoever mends it, not for the terminal."""
    import logging

    from mien_api.folders import Folders
    from mien_core.redaction import log_to

    logs = Folders.find(args.state_dir, args.models_dir).logs
    try:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_to(logging.FileHandler(logs / "mien.log", encoding="utf-8"))
    except OSError:
        log_to(logging.NullHandler())


def refuse_usage(wrong: WrongUsage, *, in_json: bool) -> int:
    if in_json:
        from mien_api.problems import problem_for
        from mien_cli.output import as_json
        from mien_core.errors import BadRequest

        sys.stdout.write(as_json(problem_for(BadRequest(str(wrong)))) + "\n")
    sys.stderr.write(f"{wrong.usage}mien: {wrong}\n")
    return WRONG_USAGE


def refuse(args: argparse.Namespace, error: Exception) -> int:
    from mien_api.problems import problem_for
    from mien_cli.output import as_json

    problem = problem_for(error)
    if args.json:
        sys.stdout.write(as_json(problem) + "\n")
    sys.stderr.write(in_words(problem))
    return 1


def in_words(problem: Mapping[str, object]) -> str:
    """What happened, then what there would have been, or the command that helps."""
    from textwrap import fill

    incident = f", incident {problem['incident']}" if "incident" in problem else ""
    said, known = str(problem.get("detail", problem["title"])), problem.get("known")
    lines = [f"mien: {said}{incident}"]
    if isinstance(known, list):
        names = f"{INDENT}known: {', '.join(map(str, known))}"
        lines.append(fill(names, 80, subsequent_indent=INDENT, break_on_hyphens=False))
    if (command := str(problem.get("command", ""))) and command not in said:
        lines.append(f"{INDENT}{command}")
    return "\n".join([*lines, ""])
