"""`mien clients`: who may talk to the daemon."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from argparse import ArgumentParser

DESCRIPTION = "Tokens and paired browsers of the running daemon."


def add_arguments(parser: ArgumentParser) -> None:
    nouns = parser.add_subparsers(metavar="ACTION", required=True)
    nouns.add_parser("list", help="every token and paired browser").set_defaults(run=list_clients)
    revoking = nouns.add_parser("revoke", help="refuse a client from now on")
    revoking.add_argument("id", metavar="ID")
    revoking.set_defaults(run=revoke_client)
    renaming = nouns.add_parser("rename", help="give a client another name")
    renaming.add_argument("id", metavar="ID")
    renaming.add_argument("name", metavar="NAME")
    renaming.set_defaults(run=rename_client)


def list_clients(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    document = DaemonClient.running(args.state_dir).request("GET", "/v1/clients")
    return print_answer(
        args, document, "\n".join(to_line(client) for client in document["clients"]) or "no client but you"
    )


def to_line(client: dict[str, Any]) -> str:
    scopes, seen = ",".join(client["scopes"]), client["last_seen"] or "never"
    return f"{client['id']}  {scopes:<7}  last seen {seen:<24}  {client['name']}"


def revoke_client(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    DaemonClient.running(args.state_dir).request(
        "DELETE", f"/v1/clients/{quote(args.id, safe='', errors='surrogateescape')}"
    )
    return print_answer(args, {"id": args.id, "revoked": True}, f"{args.id} is refused from now on")


def rename_client(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    path = f"/v1/clients/{quote(args.id, safe='', errors='surrogateescape')}"
    client = DaemonClient.running(args.state_dir).request("PATCH", path, {"name": args.name})
    return print_answer(args, client, f"{client['id']} is called {client['name']} now")
