"""`mien token`: tokens with which scripts talk to the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

SCOPES = ("swap", "models", "admin")


def add_arguments(parser: ArgumentParser) -> None:
    creating = parser.add_subparsers(metavar="ACTION", required=True).add_parser(
        "create",
        help="a named token, shown once",
        description="A named token for a script. Keep it in a file that only you can read.",
    )
    creating.add_argument("--name", required=True, metavar="N", help="what the list of clients will call it")
    creating.add_argument(
        "--scope",
        required=True,
        choices=SCOPES,
        help="swap: pictures, its own jobs, engines, references' names; models: the model store; "
        "admin: everything but approving a pairing",
    )
    creating.set_defaults(run=create_token)


def create_token(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    made = DaemonClient.running(args.state_dir).request("POST", "/v1/tokens", {"name": args.name, "scope": args.scope})
    return print_answer(args, made, str(made["token"]))
