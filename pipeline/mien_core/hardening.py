"""No network for this process: whoever runs engines calls `forbid_network` before anything else is imported.

`python -m mien_core.hardening MODULE ARGUMENT…` runs a module that way.

The refusal sits at the interpreter's audit events, below every library that is written in Python, and cannot
be taken back. Native code that opens sockets on its own does not pass there; none of the libraries we
load does so, and the daemon's tests watch a swap from outside.
"""

import os
import runpy
import socket
import sys

# Libraries that would otherwise ask their hubs whether there is something newer.
_STAY_HOME = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
_USES = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}


def forbid_network() -> None:
    """From here on, everything but a socket between processes of this machine raises `PermissionError`."""
    os.environ.update(_STAY_HOME)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _LOOKUPS:
        raise PermissionError(f"{event}: this process has no network")
    if event == "socket.__new__":
        _refuse_family(event, arguments[1])
    elif event in _USES:
        _refuse_family(event, getattr(arguments[0], "family", None))


def _refuse_family(event: str, family: object) -> None:
    # -1 stands for "as the descriptor is"; what it turns out to be is checked when it is used.
    if family not in {getattr(socket, "AF_UNIX", None), -1, None}:
        raise PermissionError(f"{event}: this process has no network")


if __name__ == "__main__":
    forbid_network()
    module, *sys.argv[1:] = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
