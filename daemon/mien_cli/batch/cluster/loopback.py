"""A network of this process and its children alone, with nothing in it but loopback. Linux only.

Ray's processes listen on every interface whatever they are told (measured with 2.60). In a network namespace of their
own there is one interface, and no other process of the machine reaches it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from pathlib import Path

from mien_core.errors import ClusterRefused

# linux/sched.h, linux/sockios.h, linux/if.h
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_UP = 1
_REQUEST = struct.Struct("16sh22x")  # struct ifreq: a name, then flags


def enter_own_network() -> None:
    """Leave the machine's network for an empty one. Call it before any thread runs.

    Raises:
        ClusterRefused: `reason` is "network": the system gives none.
    """
    if sys.platform != "linux":
        raise ClusterRefused("only Linux can close a network around Ray", reason="network")
    if _unshare(_NEW_NET) and _unshare(_NEW_USER | _NEW_NET, keep_ids=True):
        raise ClusterRefused("the system gives this process no network of its own", reason="network")
    _raise_loopback()


def _unshare(flags: int, *, keep_ids: bool = False) -> int:
    """0, or the error's number."""
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        return ctypes.get_errno() or errno.EPERM
    if keep_ids:  # user_namespaces(7): groups must be given up before one's own is written
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path("/proc/self", name).write_text(text, encoding="ascii")
    return 0


def _raise_loopback() -> None:
    if sys.platform == "linux":
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            answer = fcntl.ioctl(any_socket, _GET_FLAGS, _REQUEST.pack(b"lo", 0))
            flags = _REQUEST.unpack(answer)[1]
            fcntl.ioctl(any_socket, _SET_FLAGS, _REQUEST.pack(b"lo", flags | _UP))


def list_interfaces() -> list[str]:
    """The network interfaces that this process sees."""
    return [name for _, name in socket.if_nameindex()]
