"""What a worker process gives up before it touches a picture."""

import os
import signal
import socket
import sys

# What a Python program does to reach another machine. A local socket file is no network.
NETWORK_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo"}
NICE = 5  # the front process answers while every core swaps; nothing else on the machine stutters either


def isolate() -> None:
    """Private files, no core dumps, no network, behind everybody else in the queue for the processor.

    Core dumps would hold faces. The hook on sockets cannot be removed again by whatever is loaded later.
    """
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the daemon's to answer
    sys.addaudithook(refuse_network)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.nice(NICE)


def refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in NETWORK_EVENTS and not _is_local(arguments):
        raise PermissionError("the worker has no network")


def _is_local(arguments: tuple[object, ...]) -> bool:
    return isinstance(arguments[0], socket.socket) and arguments[0].family == getattr(socket, "AF_UNIX", None)
