"""`python -m mien_cli` is `mien`: a process of its own, with its streams, its signals and its end."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from mien_cli.interrupts import INTERRUPTS
from mien_core.threads import set_threads

if TYPE_CHECKING:
    from mien_cli.streams import Outlet

set_threads()


def main() -> NoReturn:
    """Run the command that `sys.argv` names and end the process with its status."""
    INTERRUPTS.watch()
    status = 1
    try:
        from mien_cli.streams import open_streams

        stdout, _ = open_streams()
        status = end(run(), stdout)
    except KeyboardInterrupt:
        status = INTERRUPTS.status
    INTERRUPTS.end()
    # Python's own way out would still take signals for a while, and print them as tracebacks.
    os._exit(INTERRUPTS.status or status)


def run() -> int:
    """The status of the command; that of the signal where one was lost in it."""
    try:
        from mien_cli.main import main as run_command

        status = run_command()
    except SystemExit as left:  # argparse, after `--help`
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = 128 + signal.SIGINT
    return INTERRUPTS.status or status


def end(status: int, stdout: Outlet) -> int:
    """Do what Python does at the end of a process; status 1 where the answer could not be written."""
    from mien_cli.streams import close

    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] - Python has no public way to run them
    return status if close(stdout) else status or 1


if __name__ == "__main__":
    main()
