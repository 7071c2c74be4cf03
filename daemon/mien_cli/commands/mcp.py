"""`mien mcp`: the running daemon as tools for a language model, over the Model Context Protocol on stdin and stdout."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

DESCRIPTION = (
    "Serve the Model Context Protocol on stdin and stdout until stdin ends: list_references, swap_face, job_status, "
    "list_models. A program that talks to a language model starts this command; it needs a running daemon. Only faces "
    "of the reference library are used, and nothing is overwritten."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import sys

    from mien_api.client import DaemonClient
    from mien_cli.mcp.server import Server

    Server(lambda: DaemonClient.running(args.state_dir), sys.stdout.buffer).serve(sys.stdin.buffer)
    return 0
