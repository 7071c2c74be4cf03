"""Which files this process may open (Linux's Landlock): it can open no other, not even its own user's.

Source: Documentation/userspace-api/landlock.rst of Linux 6.18. A process under these rules also reads no memory of,
and sends no signal to, a process outside.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from mien_core.cage.seccomp import forbid_new_privileges

# The same numbers on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE = 1 << 4 | 1 << 5
_MAKE_DIR, _MAKE_REGULAR = 1 << 7, 1 << 8
_VERSION_1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
# Rights that each version of the interface added.
_ADDED = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _READ_FILE | _READ_DIR
WRITE = READ | _WRITE_FILE | _REMOVE | _MAKE_DIR | _MAKE_REGULAR | _TRUNCATE
DEVICE = READ | _WRITE_FILE | _IOCTL_DEV

_NETWORK_SINCE, _BIND_AND_CONNECT = 4, 0b11
_SCOPES_SINCE, _SOCKETS_AND_SIGNALS = 6, 0b11


def version() -> int:
    """The version of the interface; 0 where the kernel has none, or it is switched off."""
    found: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(found, 0)


def allow_only(rights: Mapping[Path, int], *, web: bool = False) -> None:
    """Let this thread, and those that it starts, open these files and what lies in these folders, for good.

    Args:
        rights: READ, WRITE or DEVICE for each; what is not there is left out.
        web: connections over TCP stay allowed.

    Raises:
        OSError: the kernel does not know Landlock, or does not take the rules.
    """
    known = version()
    if not known:
        raise OSError(errno.EOPNOTSUPP, "this kernel has no Landlock")
    handled = _VERSION_1 | sum(right for since, right in _ADDED.items() if known >= since)
    network = _BIND_AND_CONNECT if known >= _NETWORK_SINCE and not web else 0
    scoped = _SOCKETS_AND_SIGNALS if known >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", handled, network, scoped)
    size = 8 if known < _NETWORK_SINCE else 16 if known < _SCOPES_SINCE else 24
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path, right in rights.items():
            _add(ruleset, path, right & handled)
        forbid_new_privileges(_libc())
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def rights_for(readable: Iterable[Path], writable: Iterable[Path], devices: Iterable[Path]) -> dict[Path, int]:
    """One table of them; a path in several lists gets the rights of all."""
    table: dict[Path, int] = {}
    for paths, right in ((readable, READ), (writable, WRITE), (devices, DEVICE)):
        for path in paths:
            table[path] = table.get(path, 0) | right
    return table


def _add(ruleset: int, path: Path, right: int) -> None:
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(beneath).st_mode):
                right &= _OF_FILES
            attributes = struct.pack("=Qi", right, beneath)
            _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), attributes, ctypes.c_uint32(0))
        finally:
            os.close(beneath)


def _call(number: int, *arguments: object) -> int:
    answer: int = _libc().syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
