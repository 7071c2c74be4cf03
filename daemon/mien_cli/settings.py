"""Changing settings from a command, whether a daemon runs or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping


def change_settings(args: Namespace, changes: Mapping[str, object]) -> None:
    """Ask the running daemon; where none runs, write the settings file.

    Raises:
        InvalidOptions: `field` names the setting that is unknown or has no such value.
        OutputNotWritable, DiskFull: the state folder cannot be made.
    """
    from mien_api.client import DaemonClient
    from mien_api.folders import make_private
    from mien_daemon.config import Config
    from mien_daemon.config import change_settings as change_file

    daemon = DaemonClient.discover(args.state_dir)
    if daemon is not None:
        daemon.request("PUT", "/v1/settings", dict(changes))
    else:
        config = Config.load(state_dir=args.state_dir, models_dir=args.models_dir)
        make_private(config.folders.state)  # there is none before the first start
        change_file(config.settings, changes, config.folders.state)
