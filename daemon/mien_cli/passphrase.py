"""The passphrase of a backup: typed at the terminal, or read from a file or a pipe; a process list shows arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

# A passphrase is a line; a file that is none, such as a picture named by mistake, is not read whole.
MOST_CHARACTERS = 4096


def add_passphrase_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help="read the passphrase from the first line of FILE, - for standard input (default: ask at the terminal, "
        "else standard input)",
    )


def read_passphrase(args: Namespace, *, twice: bool = False) -> str:
    """The passphrase; at a terminal `twice` asks again, because what is mistyped here opens nothing later.

    Raises:
        InvalidOptions: `field` is passphrase: there is none, or the two are not the same, or the file cannot be read.
    """
    import getpass
    import sys

    from mien_core.errors import InvalidOptions

    named = args.passphrase_file
    if named is not None and named != "-":
        passphrase = read_line(named)
    elif named == "-" or not sys.stdin.isatty():
        passphrase = sys.stdin.readline(MOST_CHARACTERS)
    else:
        passphrase = getpass.getpass("Passphrase of the backup: ")
        if twice and passphrase and getpass.getpass("The same again: ") != passphrase:
            raise InvalidOptions("the two passphrases are not the same", field="passphrase")
    passphrase = passphrase.rstrip("\r\n")
    if not passphrase:
        raise InvalidOptions("a backup needs a passphrase", field="passphrase")
    return passphrase


def read_line(path: str) -> str:
    """The first line of a file; raises `InvalidOptions`."""
    from pathlib import Path

    from mien_core.errors import InvalidOptions

    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            return file.readline(MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOptions(f"the passphrase in {path} cannot be read", field="passphrase") from error
