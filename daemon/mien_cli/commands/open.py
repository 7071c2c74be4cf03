"""`mien open`: open the console page in the default browser with a one-time code."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--print", action="store_true", help="print the address instead; it works once, for a minute")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import webbrowser

    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer, print_note

    invitation = DaemonClient.running(args.state_dir).request("POST", "/v1/sessions")
    url = str(invitation["url"])
    opened = not args.print and webbrowser.open(url)
    if not args.print and not opened:
        print_note("No browser could be opened. This address works once, for a minute:")
    document = {"opened": opened} if opened else {"opened": opened, **invitation}
    return print_answer(args, document, "The page is open in your browser." if opened else url)
