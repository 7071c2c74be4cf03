"""What a process that holds faces gives up: core dumps and the network.

A process that runs engines calls `forbid_network` before it imports anything else.
`python -m mien_core.hardening MODULE ARGUMENT…` runs a module that way.

The refusal is an audit hook of the interpreter, below every library that is written in Python, and cannot be taken
back. Native code that opens sockets by itself does not pass there; none of the libraries we load does so, and the
daemon's tests watch a swap from outside.
"""

import ctypes
import os
import runpy
import socket
import sys

# Libraries that would otherwise ask their hubs for news.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
_USES = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
_PR_SET_DUMPABLE = 4  # prctl(2)


def disable_core_dumps() -> None:
    """No core dump of this process, and on Linux no other process of this user reads its memory."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A pipe in core_pattern (systemd-coredump, apport) ignores the limit; it skips a process that is not dumpable.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_network() -> None:
    """Refuse every socket but those between processes of this machine, with `PermissionError`, from now on."""
    os.environ.update(_OFFLINE)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _LOOKUPS:
        raise PermissionError(f"{event}: this process has no network")
    if event == "socket.__new__":
        _refuse_family(event, arguments[1])
    elif event in _USES:
        _refuse_family(event, getattr(arguments[0], "family", None))


def _refuse_family(event: str, family: object) -> None:
    # -1 means "as the descriptor is"; what that is gets checked when it is used.
    if family not in {getattr(socket, "AF_UNIX", None), -1, None}:
        raise PermissionError(f"{event}: this process has no network")


if __name__ == "__main__":
    forbid_network()
    module, *sys.argv[1:] = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
