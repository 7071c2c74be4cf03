"""The filter of system calls, run by an interpreter of its instructions: so that both machines' are tried on any."""

import errno
import struct

import pytest

from mien_core.cage import syscalls
from mien_core.cage.seccomp import Filter, build
from mien_core.cage.syscalls import MACHINES, NEWEST

OWN_PID = 4321
LET_THROUGH = 0
READ = {"x86_64": 0, "aarch64": 63}


def answer(machine: str, number: int, *arguments: int, chosen: Filter = Filter(), arch: int | None = None) -> int:  # noqa: B008 frozen
    """The errno that a call gets; 0 when it is let through."""
    kind = MACHINES[machine]
    data = struct.pack("<IIQ6Q", number, arch or kind.audit_arch, 0, *(*arguments, *[0] * 6)[:6])
    program, at, held = build(kind, chosen, OWN_PID), 0, 0
    while True:
        code, yes, no, value = program[at]
        at += 1
        match code:
            case 0x20:
                held = struct.unpack_from("<I", data, value)[0]
            case 0x54:
                held &= value
            case 0x15:
                at += yes if held == value else no
            case 0x25:
                at += yes if held > value else no
            case 0x45:
                at += yes if held & value else no
            case _:
                assert code == 0x06
                return value & 0xFFFF if value != 0x7FFF0000 else LET_THROUGH


@pytest.mark.parametrize("machine", MACHINES)
def test_what_every_decoder_needs_is_let_through(machine: str) -> None:
    assert answer(machine, READ[machine]) == LET_THROUGH
    thread = 0x00010000 | 0x100 | 0x200 | 0x800
    assert answer(machine, syscalls.CHECKED["clone"][MACHINES[machine].column] or 0, thread) == LET_THROUGH


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "table",
    [syscalls.NETWORK, syscalls.PROGRAMS, syscalls.PROCESSES, syscalls.SHARED_MEMORY, syscalls.KERNEL, syscalls.FILES],
)
def test_every_call_of_the_tables_is_refused(machine: str, table: syscalls.Numbers) -> None:
    for name, numbers in table.items():
        number = numbers[MACHINES[machine].column]
        if number is not None:
            assert answer(machine, number, 2, 1) == errno.EPERM, name


@pytest.mark.parametrize("machine", MACHINES)
def test_other_architectures_and_newer_calls_are_refused_whatever_they_are(machine: str) -> None:
    assert answer(machine, READ[machine], arch=0x40000003) == errno.EPERM, "i386"
    assert answer(machine, READ[machine] | 0x40000000) == errno.EPERM, "x32"
    assert answer(machine, NEWEST + 1) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_signals_and_limits_reach_the_process_itself_alone(machine: str) -> None:
    column = MACHINES[machine].column
    for name, numbers in {**syscalls.OWN, **syscalls.OWN_OR_ZERO}.items():
        number = numbers[column] or 0
        assert answer(machine, number, OWN_PID) == LET_THROUGH, name
        assert answer(machine, number, OWN_PID + 1) == errno.EPERM, name
        assert answer(machine, number, 0xFFFFFFFF) == errno.EPERM, name


@pytest.mark.parametrize("machine", MACHINES)
def test_the_web_and_an_accelerator_open_what_they_need_and_no_more(machine: str) -> None:
    column = MACHINES[machine].column
    socket, connect, bind = (syscalls.NETWORK[name][column] or 0 for name in ("socket", "connect", "bind"))
    web, cuda = Filter(web=True), Filter(accelerator=True)
    assert answer(machine, socket, 2, 1, chosen=web) == answer(machine, connect, chosen=web) == LET_THROUGH
    assert answer(machine, socket, 1, 1, chosen=web) == answer(machine, bind, chosen=web) == errno.EPERM
    assert answer(machine, socket, 1, 5 | 0x80000, chosen=cuda) == answer(machine, bind, chosen=cuda) == LET_THROUGH
    for family, kind in ((1, 1), (1, 2), (2, 1), (2, 5), (16, 3)):
        assert answer(machine, socket, family, kind, chosen=cuda) == errno.EPERM
    assert answer(machine, connect, chosen=cuda) == errno.EPERM


def test_no_number_stands_for_two_calls() -> None:
    tables = [syscalls.NETWORK, syscalls.PROGRAMS, syscalls.PROCESSES, syscalls.OWN, syscalls.OWN_OR_ZERO]
    tables += [syscalls.FILES, syscalls.SHARED_MEMORY, syscalls.KERNEL, syscalls.CHECKED]
    for column in (0, 1):
        numbers = [each[column] for table in tables for each in table.values() if each[column] is not None]
        assert len(numbers) == len(set(numbers))
