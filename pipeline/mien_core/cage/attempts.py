"""Whether the cage holds, by trying to get out: the program `cage-check`, whose answer `mien doctor` shows.

It closes the cage around itself as the daemon's worker does, and then asks the system for what it must not get.
A question to a module would say what was meant; this says what is.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypedDict, cast

from mien_core.cage import walls
from mien_core.cage.syscalls import KERNEL, MACHINES, PROCESSES, PROGRAMS, number_of
from mien_core.cage.walls import WALLS, Cage, Wall
from mien_core.program import command_for, windowless

TIMEOUT_S = 60.0
MEMORY_BYTES = 1 << 30
WEB = "--web"
_REFUSED = {errno.EPERM, errno.EACCES}
State = Literal["on", "off", "not-here"]
Attempt = Callable[[], object]


class Found(TypedDict):
    """One wall: whether it holds, and why not or what went through."""

    state: State
    why: str


def check(*, web: bool = False) -> dict[Wall, Found]:
    """Each wall as a child process found it; `web` as for the worker that asks a time-stamp authority."""
    with tempfile.TemporaryDirectory() as folder:
        outside = Path(folder) / "outside"
        outside.touch()
        try:
            done = subprocess.run(
                [*command_for("cage-check"), str(outside), *([WEB] if web else [])],
                capture_output=True,
                check=True,
                timeout=TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                **windowless(),
            )
            return cast("dict[Wall, Found]", json.loads(done.stdout))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return {wall: {"state": "off", "why": f"it could not be tried: {type(error).__name__}"} for wall in WALLS}


def try_to_get_out(outside: Path, *, web: bool = False) -> dict[Wall, Found]:
    """Close the cage around this process and try each wall; `outside` is a file that it must not read then."""
    own_network = _network_of(os.getpid())
    open_walls = walls.close(Cage(memory_bytes=MEMORY_BYTES, web=web, accelerator=walls.has_accelerator()))
    found: dict[Wall, Found] = {}
    for wall, attempts in _attempts(outside, own_network).items():
        if wall in open_walls:
            found[wall] = {"state": "off" if walls.is_switched_off() else "not-here", "why": open_walls[wall]}
            continue
        through = [name for name, attempt in attempts.items() if _goes_through(attempt)]
        why = f"went through: {', '.join(through)}" if through else ""
        found[wall] = {"state": "off" if through else "on", "why": why}
    return found


def _attempts(outside: Path, own_network: str) -> Mapping[Wall, Mapping[str, Attempt]]:
    """What each wall must refuse. None of it harms if it is let through."""
    parent = os.getppid()
    return {
        "network": {
            "internet": lambda: socket.socket(socket.AF_INET).close(),
            "internet, version 6": lambda: socket.socket(socket.AF_INET6).close(),
            "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
            "programs of this machine": lambda: socket.socket(socket.AF_UNIX).close(),
            "the system's own": lambda: socket.socket(getattr(socket, "AF_NETLINK", 16), socket.SOCK_RAW).close(),
        },
        "programs": {
            "fork": _fork,
            "spawn": lambda: os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}), 0),
            "execve": lambda: _call(PROGRAMS, "execve", b"/nowhere", None, None),
            "execveat": lambda: _call(PROGRAMS, "execveat", -1, b"/nowhere", None, None, 0),
        },
        "processes": {
            "signal": lambda: os.kill(parent, 0),
            "memory": lambda: Path(f"/proc/{parent}/mem").open("rb").close(),
            "trace": lambda: _call(PROCESSES, "ptrace", 3, parent, 0, 0),  # PTRACE_PEEKDATA, which attaches nothing
            "read": lambda: _call(PROCESSES, "process_vm_readv", parent, None, 0, None, 0, 0),
            "handle": lambda: _call(PROCESSES, "pidfd_open", parent, 0),
        },
        "kernel": {
            name: lambda name=name: _call(KERNEL, name, 0, 0, 0, 0, 0)  # type: ignore[misc]
            for name in ("mount", "unshare", "keyctl", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup")
        },
        "files": {
            "a file elsewhere": lambda: outside.open("rb").close(),
            "the home folder": lambda: list(Path.home().iterdir()),
            "a new file": lambda: outside.with_name("made").open("xb").close(),
        },
        "memory": {
            "private": lambda: mmap.mmap(-1, 2 * MEMORY_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close(),
            "shared": lambda: mmap.mmap(-1, 2 * MEMORY_BYTES).close(),
        },
        "privileges": {"root": _require_capabilities},
        "network-namespace": {"the machine's network": lambda: _require_network(own_network)},
    }


def _goes_through(attempt: Attempt) -> bool:
    """Whether it was let through: refused is what fails for want of permission or of memory."""
    try:
        attempt()
    except MemoryError:
        return False
    except OSError as error:
        return error.errno not in {*_REFUSED, errno.ENOMEM}
    return True


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _call(table: Mapping[str, tuple[int | None, int | None]], name: str, *arguments: object) -> None:
    """A system call by its number, past every library."""
    number = number_of(table, name, MACHINES[platform.machine()])
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    if ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number or 0), *words) < 0:
        raise OSError(ctypes.get_errno(), name)


def _require_capabilities() -> None:
    """Return if this process could trace and mount as root may.

    Raises:
        PermissionError: it could not.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    if effective & ~0b10 == 0:  # CAP_DAC_OVERRIDE stays
        raise PermissionError(errno.EPERM, "no capabilities")


def _network_of(pid: int) -> str:
    """Which network a process is in; empty where the system does not say."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _require_network(before: str) -> None:
    """Return if this process is still where it was.

    Raises:
        PermissionError: it is in a network of its own.
    """
    if _network_of(os.getpid()) != before:
        raise PermissionError(errno.EPERM, "another network")


def main() -> None:
    sys.stdout.write(json.dumps(try_to_get_out(Path(sys.argv[1]), web=WEB in sys.argv)))


if __name__ == "__main__":
    main()
