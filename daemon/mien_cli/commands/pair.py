"""`mien pair`: open the window, show six digits, let the browser in or send it away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from mien_api.client import DaemonClient

DESCRIPTION = "Open pairing for two minutes; a browser that asks is let in when its six digits are the same."
WAIT_S = 20
YES = {"y", "yes"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.output import answer, tell

    daemon = running_daemon(args.state_dir)
    daemon.request("POST", "/v1/pair/window")
    tell("Pairing is open for two minutes.")
    tell("In the browser: the Mien button in the toolbar, then Pair.")
    try:
        asked = wait_for_digits(daemon)
        tell(f"\n    {asked['digits'][:3]} {asked['digits'][3:]}\n")
        tell(f"{asked['name']} shows six digits as well ({asked['origin']}).")
        if not same_digits():
            daemon.request("POST", f"/v1/pair/{asked['id']}/refuse")
            return refused(args, asked)
        client = daemon.request("POST", f"/v1/pair/{asked['id']}/approve")["client"]
    except BaseException:
        daemon.request("DELETE", "/v1/pair/window")
        raise
    tell("Approved. Now confirm in the browser that it shows the same digits.")
    return answer(args, {"client": client, "name": asked["name"], "scopes": ["swap"]}, f"paired: {asked['name']}")


def running_daemon(state_dir: str | None) -> DaemonClient:
    """The daemon whose window is to be opened.

    Raises:
        DaemonUnreachable: none runs.
    """
    from mien_api.client import DaemonClient
    from mien_core.errors import DaemonUnreachable

    daemon = DaemonClient.discover(state_dir)
    if daemon is None:
        raise DaemonUnreachable("no daemon is running; start it with `mien serve`", command="mien serve")
    return daemon


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


def same_digits() -> bool:
    """What the person says; only a clear yes is one, and silence on stdin is none."""
    sys.stderr.write("Are they the same, and did you start this? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in YES


def refused(args: Namespace, asked: dict[str, Any]) -> int:
    from mien_cli.output import answer, tell

    tell("Sent away. Nothing was granted.")
    answer(args, {"client": None, "name": asked["name"], "scopes": []}, f"refused: {asked['name']}")
    return 1
