"""The filter of system calls (seccomp, BPF): what it refuses fails with EPERM, so that libraries fall back."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from mien_core.cage import syscalls
from mien_core.cage.syscalls import Machine, Numbers, number_of

# linux/bpf_common.h
_LOAD, _AND, _EQUAL, _GREATER, _SET, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x45, 0x06
# linux/seccomp.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_SET_MODE_FILTER, _TSYNC = 1, 1
_PR_SET_NO_NEW_PRIVS = 38
# struct seccomp_data: number, architecture, instruction pointer, six arguments of eight bytes (little endian).
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000  # the bit that marks x86_64's other numbers

_CLONE_THREAD = 0x00010000
_CLONE_NEW = 0x7E020080  # every CLONE_NEW* flag of a namespace
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_FAMILIES = (2, 10)  # AF_INET, AF_INET6
_AF_UNIX, _SOCK_SEQPACKET, _TYPE = 1, 5, 0xF
# Signals to others through a file: F_SETOWN, F_SETSIG, F_SETOWN_EX; F_SETLEASE and F_NOTIFY hold up their readers.
_FCNTL = (8, 10, 15, 1024, 1026)
# Typing into the terminal (TIOCSTI, TIOCLINUX, TIOCSCTTY), and signals to others (FIOASYNC, FIOSETOWN, SIOCSPGRP).
_IOCTL = (0x5412, 0x541C, 0x540E, 0x5452, 0x8901, 0x8902)
# PR_SET_DUMPABLE, PR_SET_MM, PR_SET_PTRACER: others could read this process again.
_PRCTL = (4, 35, 0x59616D61)
_PRIO_PROCESS = 0

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Filter:
    """What is let through beside what every decoder needs.

    Attributes:
        web: connections over IPv4 and IPv6, for a process that asks a time-stamp authority.
        accelerator: the socket that CUDA's driver makes for itself (bound, never connected), and memory files.
        owners: modes, owners and times of files, for a process that writes where a person says.
    """

    web: bool = False
    accelerator: bool = False
    owners: bool = False


def refuse_system_calls(machine: Machine, chosen: Filter) -> None:
    """Install the filter in every thread of this process, for good.

    Raises:
        OSError: the kernel has no such filters, or does not take this one.
    """
    program = b"".join(struct.pack("=HBBI", *each) for each in build(machine, chosen, os.getpid()))
    held = ctypes.create_string_buffer(program)
    description = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(held)))
    libc = ctypes.CDLL(None, use_errno=True)
    forbid_new_privileges(libc)
    arguments = (ctypes.c_long(_SET_MODE_FILTER), ctypes.c_long(_TSYNC), description)
    answer = libc.syscall(ctypes.c_long(machine.seccomp), *arguments)
    if answer != 0:  # negative: an error; positive: a thread that has a filter of its own
        number = ctypes.get_errno() if answer < 0 else errno.EBUSY
        raise OSError(number, os.strerror(number))


def forbid_new_privileges(libc: ctypes.CDLL) -> None:
    """No program that this process starts has more rights than it has itself.

    Raises:
        OSError: the kernel does not know that.
    """
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")


def build(machine: Machine, chosen: Filter, own_pid: int) -> list[Instruction]:
    """The program. Calls of another architecture (int 0x80 on x86_64) and of x32 are refused whatever they are."""
    return [
        _load(_ARCH),
        (_EQUAL, 1, 0, machine.audit_arch),
        _refuse(),
        _load(_NUMBER),
        *((_SET, 0, 1, _X32), _refuse()),
        *((_GREATER, 0, 1, syscalls.NEWEST), _refuse(errno.ENOSYS)),
        *_never(_always_refused(machine, chosen)),
        *chain.from_iterable(_when(number, rule) for number, rule in _rules(machine, chosen, own_pid)),
        _allow(),
    ]


def _always_refused(machine: Machine, chosen: Filter) -> Iterator[int]:
    tables = [syscalls.PROGRAMS, syscalls.PROCESSES, syscalls.SHARED_MEMORY, syscalls.KERNEL]
    tables += [] if chosen.owners else [syscalls.FILES]
    allowed = {*(syscalls.CLIENT if chosen.web else ()), *(("bind", "memfd_create") if chosen.accelerator else ())}
    if chosen.web or chosen.accelerator:
        allowed.add("socket")  # a rule looks at it
    for table in (syscalls.NETWORK, *tables):
        for name in table:
            number = number_of(table, name, machine)
            if number is not None and name not in allowed:
                yield number


def _rules(machine: Machine, chosen: Filter, own_pid: int) -> Iterator[tuple[int, Sequence[Instruction]]]:
    """Calls of which the arguments decide. Each rule ends in a return; the kernel reads the low half of each here."""

    def of(name: str, table: Numbers = syscalls.CHECKED) -> int:
        number = number_of(table, name, machine)
        if number is None:
            raise ValueError(name)
        return number

    # clone3's flags lie in memory, where no filter looks; without it libraries take clone.
    yield of("clone3"), [_refuse(errno.ENOSYS)]
    yield of("clone"), [_load_argument(0), (_SET, 0, 1, _CLONE_NEW), _refuse(), *_allow_if(_SET, _CLONE_THREAD)]
    shared = _MAP_SHARED | _MAP_ANONYMOUS
    yield of("mmap"), [_load_argument(3), (_AND, 0, 0, shared), *_refuse_if(shared)]
    yield of("fcntl"), [_load_argument(1), *_refuse_if(*_FCNTL)]
    yield of("ioctl"), [_load_argument(1), *_refuse_if(*_IOCTL)]
    yield of("prctl"), [_load_argument(0), *_refuse_if(*_PRCTL)]
    own = _allow_if(_EQUAL, 0, own_pid)
    yield of("setpriority"), [_load_argument(0), (_EQUAL, 1, 0, _PRIO_PROCESS), _refuse(), _load_argument(1), *own]
    for name in syscalls.OWN:
        yield of(name, syscalls.OWN), [_load_argument(0), *_allow_if(_EQUAL, own_pid)]
    for name in syscalls.OWN_OR_ZERO:
        yield of(name, syscalls.OWN_OR_ZERO), [_load_argument(0), *own]
    if chosen.web or chosen.accelerator:
        yield of("socket", syscalls.NETWORK), _socket_rule(chosen)


def _socket_rule(chosen: Filter) -> list[Instruction]:
    """IPv4 and IPv6 for the web; a local socket of sequenced packets, which `connect` never gets, for CUDA."""
    packets = [
        *((_EQUAL, 0, 4, _AF_UNIX), _load_argument(1), (_AND, 0, 0, _TYPE), (_EQUAL, 0, 1, _SOCK_SEQPACKET)),
        _allow(),
    ]
    families = _allow_each(_FAMILIES) if chosen.web else []
    return [_load_argument(0), *families, *(packets if chosen.accelerator else []), _refuse()]


def _never(numbers: Iterator[int]) -> Iterator[Instruction]:
    for number in numbers:
        yield (_EQUAL, 0, 1, number)
        yield _refuse()


def _when(number: int, rule: Sequence[Instruction]) -> list[Instruction]:
    """`rule` for this call; others pass on with the number still loaded."""
    return [(_EQUAL, 0, len(rule), number), *rule]


def _allow_if(jump: int, *values: int) -> list[Instruction]:
    return [*_allow_each(values, jump), _refuse()]


def _allow_each(values: Sequence[int], jump: int = _EQUAL) -> list[Instruction]:
    return [each for value in values for each in ((jump, 0, 1, value), _allow())]


def _refuse_if(*values: int) -> list[Instruction]:
    return [*(each for value in values for each in ((_EQUAL, 0, 1, value), _refuse())), _allow()]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _load_argument(index: int) -> Instruction:
    return _load(_ARGUMENTS + 8 * index)


def _refuse(number: int = errno.EPERM) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)
