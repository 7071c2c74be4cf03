"""The cage of a process that decodes foreign bytes: walls that close for good, before the first byte is read.

Linux has all of them. macOS and Windows have none that a program can raise around itself without help from the
system's signing: there the audit hook of `mien_core.hardening` refuses Python its sockets and programs, and native
code is not held.
"""

import errno
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien_core.hardening import disable_core_dumps

Wall = Literal["network", "programs", "processes", "kernel", "files", "memory", "privileges", "network-namespace"]
WALLS: tuple[Wall, ...] = (
    "network",
    "programs",
    "processes",
    "kernel",
    "files",
    "memory",
    "privileges",
    "network-namespace",
)
"""What each keeps from the process:

network: sockets of every kind. programs: starting any. processes: reading, tracing, signalling others.
kernel: parts of it that no decoder needs. files: all but those named. memory: more than the limit.
privileges: those of root. network-namespace: the machine's addresses, a second wall behind the first.
"""

_FILTERED: tuple[Wall, ...] = ("network", "programs", "processes", "kernel")
_SWITCH = "MIEN_CAGE"

GIB = 1 << 30
MAX_FILE_BYTES = 2 * GIB  # 120 megapixels of sixteen bits in RGBA are 0.96 GB, and PNG may grow by a thousandth
MAX_OPEN_FILES = 1024
# The weights of an engine may take all of the machine, but not so much that other programs are killed for it.
_SHARE = 7 / 8
_LEAST_BYTES = 4 * GIB
# Drivers of accelerators; absent ones are left out.
_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/kfd", "/dev/dri")
# What libraries read of the system: the loader's files, names, time, certificates, the machine's size and devices.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/sys", "/dev/urandom", "/dev/random"),
    *(
        f"/etc/{name}"
        for name in (
            *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "passwd", "group", "nsswitch.conf"),
            *("ssl", "pki", "ca-certificates", "hosts", "host.conf", "resolv.conf", "gai.conf", "os-release"),
            *("OpenCL", "vulkan", "nvidia", "alternatives", "mime.types"),
        )
    ),
    *(
        f"/proc/{name}"
        for name in ("self", "cpuinfo", "meminfo", "stat", "version", "modules", "devices", "sys", "driver", "cgroups")
    ),
)


@dataclass(frozen=True, slots=True)
class Cage:
    """What is let in.

    Attributes:
        readable, writable: files and folders, beside Python's own and the system's libraries.
        memory_bytes: private memory, all together.
        file_bytes: of the largest file that is written.
        web: a time-stamp authority may be asked.
        accelerator: the devices of a graphics processor may be used.
        holds_files: False leaves the files open, for a process of a person who may name any.
    """

    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    memory_bytes: int = 2 * GIB
    file_bytes: int = MAX_FILE_BYTES
    web: bool = False
    accelerator: bool = False
    holds_files: bool = True


def close(cage: Cage) -> Mapping[Wall, str]:
    """Close every wall there is; what is returned are those that could not be, each with the reason.

    Call it first in a process: threads that run already keep their files and their network's name.
    """
    if sys.platform != "linux":
        return dict.fromkeys(WALLS, f"{platform.system()} has no such wall")
    if is_switched_off():
        return dict.fromkeys(WALLS, f"{_SWITCH}=off")
    return _close_on_linux(cage)


def _close_on_linux(cage: Cage) -> Mapping[Wall, str]:
    from mien_core.cage import landlock, limits, seccomp
    from mien_core.cage.syscalls import MACHINES

    machine = MACHINES.get(platform.machine())
    if machine is None or sys.maxsize < 1 << 32:
        return dict.fromkeys(WALLS, f"no filter was written for {platform.machine()}")
    rights = landlock.rights_for(
        [*python_files([*cage.readable, *cage.writable]), *cage.readable, *map(Path, _SYSTEM)],
        cage.writable,
        _devices(cage),
    )
    chosen = seccomp.Filter(cage.web, cage.accelerator, owners=not cage.holds_files)
    steps: list[tuple[tuple[Wall, ...], Callable[[], None]]] = [
        (("memory",), lambda: limits.limit(cage.memory_bytes, cage.file_bytes, MAX_OPEN_FILES)),
        ((), disable_core_dumps),  # after the network's namespace, which a process that is not dumpable cannot enter
        (("privileges",), lambda: limits.drop_capabilities(platform.machine())),
        (("files",), lambda: landlock.allow_only(rights, web=cage.web)),
        (_FILTERED, lambda: seccomp.refuse_system_calls(machine, chosen)),
    ]
    open_walls: dict[Wall, str] = {}
    if not cage.web:
        steps.insert(0, (("network-namespace",), limits.enter_empty_network))
    else:
        open_walls["network-namespace"] = "a time-stamp authority is asked"
    if not cage.holds_files:
        steps = [step for step in steps if not {"files", "network-namespace"} & {*step[0]}]
        open_walls |= dict.fromkeys(("files", "network-namespace"), "the process is a person's own")
    for walls, step in steps:
        try:
            step()
        except OSError as error:
            open_walls |= dict.fromkeys(walls, error.strerror or errno.errorcode.get(error.errno or 0, "unknown"))
    return open_walls


def is_switched_off() -> bool:
    """Whether a person has switched the cage off, where a driver does not bear it."""
    return os.environ.get(_SWITCH, "") == "off"


def python_files(private: Sequence[Path] = ()) -> list[Path]:
    """Where Python and its libraries lie, without the folder that the process was started in.

    A folder of modules above the person's home or above one of `private` is left out: it would open all of them.
    """
    hidden = [Path.home(), *(path.resolve() for path in private)]
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, getattr(sys, "_MEIPASS", "")}
    own = [Path(name).resolve() for name in prefixes if name] + [Path(sys.executable).resolve().parent]
    modules = [Path(name).resolve() for name in sys.path if name]
    here = Path.cwd()
    return [path for path in own if not Path.home().is_relative_to(path)] + [
        path for path in modules if path != here and not any(each.is_relative_to(path) for each in hidden)
    ]


def has_accelerator() -> bool:
    """Whether the driver of a graphics processor is loaded."""
    return any(Path(name).exists() for name in _DEVICES)


def most_memory_bytes() -> int:
    """What a process that runs engines may take: nearly all of the machine. A container's limit holds beside it."""
    if sys.platform == "win32":
        return _LEAST_BYTES
    return max(int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE), _LEAST_BYTES)


def _devices(cage: Cage) -> list[Path]:
    own = [Path(os.devnull)]
    if cage.accelerator:
        own += [Path(name) for name in _DEVICES] + sorted(Path("/dev").glob("nvidia[0-9]*"))
    return own
