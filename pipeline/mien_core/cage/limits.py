"""What of the machine one process may take: memory, files, open descriptors, rights of root, the network's name."""

import ctypes
import os
import resource
import struct
from pathlib import Path

_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_CAPABILITY_VERSION = 0x20080522
_CAPSET = {"x86_64": 126, "aarch64": 91}
# As root in a container the models and pictures may be another user's; Landlock still says which files they are.
_KEPT_CAPABILITIES = 1 << 1  # CAP_DAC_OVERRIDE
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def limit(memory_bytes: int, file_bytes: int, open_files: int) -> None:
    """Hold this process to so much private memory, to files of such a size, and to so many open at once.

    RLIMIT_DATA counts memory that only this process can write to. What is only reserved (CUDA reserves all
    the machine's memory and more) and mapped weight files do not count, as they would for RLIMIT_AS. The number of
    threads is not limited: RLIMIT_NPROC counts those of every program of this user.
    """
    _lower(resource.RLIMIT_DATA, memory_bytes)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_NOFILE, open_files)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, value: int) -> None:
    most = resource.getrlimit(kind)[1]
    lowest = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (lowest, lowest))


def drop_capabilities(machine: str) -> None:
    """Give up root's rights, but the one to open files of others; without root there is nothing to give up.

    Raises:
        OSError: the kernel refuses it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails without root, and then does not matter
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    held = _KEPT_CAPABILITIES & _effective_capabilities()
    data = ctypes.create_string_buffer(struct.pack("=IIIIII", held, held, 0, 0, 0, 0))
    if libc.syscall(ctypes.c_long(_CAPSET[machine]), header, data) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def enter_empty_network() -> None:
    """Move this process, which has one thread, into a network of its own that has no address.

    Root does so directly; another user inside a user namespace of its own, in which it keeps its number. A child tries
    that first: some systems let the namespace be made and then refuse the number.

    Raises:
        OSError: the system does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0:
        return
    child = os.fork()
    if child == 0:
        try:
            _enter_user_namespace(libc)
        except OSError as error:
            os._exit(min(error.errno or 1, 255))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise OSError(max(status, 1), os.strerror(max(status, 1)))
    _enter_user_namespace(libc)


def _enter_user_namespace(libc: ctypes.CDLL) -> None:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny", encoding="ascii")
    (own / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    (own / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
