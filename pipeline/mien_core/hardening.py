"""What a process that holds faces gives up on every system: core dumps, and Python's way to networks and programs.

A process that runs engines calls `forbid_network` before it imports anything else.
`python -m mien_core.hardening MODULE ARGUMENT…` runs a module that way.

The refusal is an audit hook of the interpreter, below every library that is written in Python, and cannot be taken
back. It holds no native code: a decoder that a picture has taken over calls the system without asking Python, and so
does ctypes. `mien_core.cage` holds those, on Linux.
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
_PROGRAMS = {
    *("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.forkpty"),
    *("os.startfile", "os.startfile/2", "_winapi.CreateProcess"),
}
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


def forbid_network(*, web: bool = False) -> None:
    """Refuse every socket but those between processes of this machine, with `PermissionError`, from now on.

    `web` only keeps libraries from asking their hubs.
    """
    os.environ.update(_OFFLINE)
    if not web:
        sys.addaudithook(_refuse)


def forbid_programs() -> None:
    """Refuse to start any program, with `PermissionError`, from now on."""
    sys.addaudithook(_refuse_programs)


def _refuse_programs(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _PROGRAMS:
        raise PermissionError(f"{event}: this process starts no programs")


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
