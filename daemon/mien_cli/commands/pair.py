"""`mien pair`: open pairing, show six digits, approve or refuse the browser that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from mien_api.client import DaemonClient

DESCRIPTION = "Open pairing for two minutes; a browser is paired when it shows the same six digits as this command."
WAIT_S = 20


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from contextlib import suppress

    from mien_api.client import DaemonClient
    from mien_cli.output import confirm, print_answer, print_note
    from mien_core.errors import MienError

    daemon = DaemonClient.running(args.state_dir)
    daemon.request("POST", "/v1/pair/window")
    print_note("Pairing is open for two minutes.")
    print_note("In the browser: the Mien button in the toolbar, then Pair.")
    try:
        asked = wait_for_digits(daemon)
        print_note(f"\n    {asked['digits'][:3]} {asked['digits'][3:]}\n")
        print_note(f"{asked['name']} shows six digits as well ({asked['origin']}).")
        if not confirm("Are they the same, and did you start this?"):
            daemon.request("POST", f"/v1/pair/{asked['id']}/refuse")
            return print_refusal(args, asked)
        client = daemon.request("POST", f"/v1/pair/{asked['id']}/approve")["client"]
    except BaseException:
        with suppress(MienError):  # what went wrong first is what is told
            daemon.request("DELETE", "/v1/pair/window")
        raise
    print_note("Approved. Now confirm in the browser that it shows the same digits.")
    return print_answer(args, {"client": client, "name": asked["name"], "scopes": ["swap"]}, f"paired: {asked['name']}")


def wait_for_digits(daemon: DaemonClient) -> dict[str, Any]:
    """The pairing window once a browser shows its digits.

    Raises:
        PairingClosed: two minutes have passed, or another program opened or closed the window.
    """
    from mien_api.errors import PairingClosed

    window = daemon.request("GET", "/v1/pair/window")
    while window["state"] != "shown":
        if not window["seconds_left"]:
            raise PairingClosed("no browser asked to be paired within two minutes")
        window = daemon.request("GET", f"/v1/pair/window?wait={WAIT_S}&seen={window['revision']}")
    return window


def print_refusal(args: Namespace, asked: dict[str, Any]) -> int:
    from mien_cli.output import print_answer, print_note

    print_note("Refused. Nothing was granted.")
    print_answer(args, {"client": None, "name": asked["name"], "scopes": []}, f"refused: {asked['name']}")
    return 1
