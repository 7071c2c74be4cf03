"""What a worker process gives up before it touches a picture."""

import os
import signal
import sys

from mien_core.hardening import disable_core_dumps, forbid_network

NICE = 5  # the front process answers while every core swaps; nothing else on the machine stutters either


def isolate() -> None:
    """Private files, no core dumps, no network, the lowest claim on the processor.

    Core dumps would hold faces. What refuses sockets cannot be removed by code that is loaded later.
    """
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the daemon's to answer
    forbid_network()
    disable_core_dumps()
    if sys.platform != "win32":
        os.nice(NICE)
