"""A process that decodes foreign bytes cannot get out of its cage, whatever code runs in it.

Every attempt is made by ctypes or the plainest call, in a process that has closed the cage around itself; it is said
by what name the system refused it. This is Linux: CI runs it as root in a container, a laptop as a person.
"""

import ctypes
import json
import mmap
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mien_core.cage import walls
from mien_core.cage.walls import WALLS, Cage

PRELUDE = """
import ctypes, errno, json, mmap, os, platform, socket, sys, threading
from pathlib import Path
from mien_core.cage.walls import Cage, close
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
parent, outside, inside = os.getppid(), Path(sys.argv[1]), Path(sys.argv[2])
before = os.open("/", os.O_PATH)
open_walls = close(Cage(readable=[inside], writable=[inside / "work"], memory_bytes=1 << 29))
def call(*words):
    if libc.syscall(*[ctypes.c_long(word) if isinstance(word, int) else word for word in words]) < 0:
        raise OSError(ctypes.get_errno(), "refused")
def native(function, *words):
    if getattr(libc, function)(*words) < 0:
        raise OSError(ctypes.get_errno(), function)
def said(attempt):
    try:
        attempt()
    except MemoryError:
        return "ENOMEM"
    except OSError as error:
        return errno.errorcode[error.errno]
    return "let through"
"""


def caged(folder: Path, *attempts: str) -> list[str]:
    """How each attempt ended inside a cage that lets in `folder/inside`."""
    (folder / "inside" / "work").mkdir(parents=True, exist_ok=True)
    (folder / "inside" / "picture").write_bytes(b"a picture")
    (folder / "outside").write_bytes(b"a key")
    listed = ", ".join(f"lambda: {attempt}" for attempt in attempts)
    script = f"{PRELUDE}\nprint(json.dumps([said(each) for each in [{listed}]]))"
    words = [sys.executable, "-c", script, str(folder / "outside"), str(folder / "inside")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    answer: list[str] = json.loads(done.stdout)
    return answer


def assert_refused(folder: Path, attempts: Sequence[str], *names: str) -> None:
    found = dict(zip(attempts, caged(folder, *attempts), strict=True))
    assert not {attempt: said for attempt, said in found.items() if said not in (names or ("EPERM", "EACCES"))}


def test_no_socket_of_any_kind_is_had(tmp_path: Path) -> None:
    number = "41 if X86 else 198"
    attempts = [
        *(f"native('socket', {family}, {kind}, 0)" for family in (1, 2, 10, 16, 17, 38, 40) for kind in (1, 2, 3)),
        "socket.socketpair()",
        f"call({number}, 2, 1, 0)",
        f"call({number}, 1, 5, 0)",
        # Descriptors that are there already: standard input may be a socket.
        "native('connect', 0, b'\\2\\0\\0\\11\\177\\0\\0\\1' + bytes(8), 16)",
        "native('bind', 0, b'\\1\\0x', 3)",
        "native('listen', 0, 1)",
        "native('accept', 0, None, None)",
        "native('sendto', 1, b'x', 1, 0, b'\\1\\0/run/x', 8)",
        "native('sendmsg', 1, bytes(56), 0)",
        "native('recvmsg', 0, bytes(56), 0)",
    ]
    assert_refused(tmp_path, attempts)


def test_no_program_is_started_and_no_process_made(tmp_path: Path) -> None:
    attempts = [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "native('execv', b'/bin/true', (ctypes.c_char_p * 2)(b'true', None))",
        "native('fork')",
        "native('vfork')",
        "call(59 if X86 else 221, b'/bin/true', None, None)",
        "call(322 if X86 else 281, before, b'bin/true', None, None, 0)",
        "call(56 if X86 else 220, 17, 0, 0, 0, 0)",
        "call(56 if X86 else 220, 0x4000 | 0x100 | 17, 0, 0, 0, 0)",
        "call(56 if X86 else 220, 0x10000000 | 0x10000, 0, 0, 0, 0)",
    ]
    assert_refused(tmp_path, attempts)
    # clone3 is answered as by an older kernel: libraries then take clone, whose flags a filter can read.
    assert caged(tmp_path, "call(435, bytes(88), 88)") == ["ENOSYS"]
    assert caged(tmp_path, "ctypes.CDLL(None).system(b'exit 0') == 0 or native('fork')") == ["EPERM"]


def test_threads_are_started_as_ever(tmp_path: Path) -> None:
    assert caged(tmp_path, "threading.Thread(target=print).start()") == ["let through"]


def test_no_other_process_is_read_traced_signalled_or_held_up(tmp_path: Path) -> None:
    attempts = [
        "os.kill(parent, 0)",
        "os.kill(0, 0)",
        "os.kill(-1, 0)",
        "os.kill(1, 0)",
        "call(200 if X86 else 130, parent, 0)",
        "call(234 if X86 else 131, parent, parent, 0)",
        "call(129 if X86 else 138, parent, 0, bytes(128))",
        "call(424, before, 0, None, 0)",
        "call(434, parent, 0)",
        "call(438, before, 0, 0)",
        "call(101 if X86 else 117, 16, parent, 0, 0)",
        "call(101 if X86 else 117, 0x4206, parent, 0, 0)",
        "call(310 if X86 else 270, parent, None, 0, None, 0, 0)",
        "call(311 if X86 else 271, parent, None, 0, None, 0, 0)",
        "call(302 if X86 else 261, parent, 7, None, None)",
        "call(141 if X86 else 140, 0, parent, 19)",
        "call(141 if X86 else 140, 1, 0, 19)",
        "open(f'/proc/{parent}/mem', 'rb')",
        "open(f'/proc/{parent}/environ', 'rb')",
        "open(f'/proc/{parent}/maps', 'rb')",
        "os.listdir(f'/proc/{parent}/fd')",
        "__import__('fcntl').fcntl(before, 8, parent)",
        "__import__('fcntl').ioctl(2, 0x5412, b'x')",
        "call(157 if X86 else 167, 4, 1, 0, 0, 0)",
    ]
    assert_refused(tmp_path, attempts)


def test_the_process_still_ends_itself(tmp_path: Path) -> None:
    assert caged(tmp_path, "os.kill(os.getpid(), 0)", "threading.Event().wait(0.001)") == ["let through"] * 2


def test_numbers_of_another_architecture_lead_nowhere(tmp_path: Path) -> None:
    """x32's on x86_64; 32-bit ones by int 0x80 are below."""
    if platform.machine() == "x86_64":
        numbers = [0x40000000 | number for number in (41, 42, 56, 57, 59, 101, 520, 521, 545)]
        assert_refused(tmp_path, [f"call({number}, 2, 1, 0)" for number in numbers])
    assert caged(tmp_path, "call(471)", "call(1000)") == ["ENOSYS"] * 2


def test_the_32_bit_door_is_shut(tmp_path: Path) -> None:
    """int 0x80 with the number of socketcall, fork, execve or kill of i386, from machine code in the process's own
    memory."""
    if platform.machine() != "x86_64":
        return
    code = "mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)"
    # push rbx; mov eax, N; xor ebx, ebx; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret
    script = f"""{PRELUDE}
def gate(number):
    code = {code}
    code.write(bytes([0x53, 0xB8]) + number.to_bytes(4, "little") + bytes.fromhex("31db31c931d2cd805bc3"))
    at = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_int)(at)()
print(json.dumps([gate(number) for number in (102, 2, 11, 37, 190, 359, 20)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(tmp_path)], capture_output=True, text=True, check=True
    )
    answers = json.loads(done.stdout)
    assert set(answers) <= {-1, -38}, "EPERM, or ENOSYS where the kernel has no such door"


def test_a_file_that_was_not_let_in_is_not_opened(tmp_path: Path) -> None:
    attempts = [
        "outside.read_bytes()",
        "os.open(outside, os.O_WRONLY)",
        "outside.write_bytes(b'x')",
        "os.truncate(outside, 0)",
        "outside.unlink()",
        "outside.rename(inside / 'work' / 'mine')",
        "(inside / 'work' / 'link').hardlink_to(outside)",
        "outside.with_name('new').touch()",
        "outside.with_name('new').mkdir()",
        "os.symlink('/etc/shadow', inside / 'work' / 'symbolic')",
        "os.mkfifo(inside / 'work' / 'pipe')",
        "os.listdir(outside.parent)",
        "os.listdir(Path.home())",
        "os.listdir('/tmp')",
        "open('/etc/shadow')",
        "open('/etc/hostname')",
        "open('/dev/shm/x', 'w')",
        "os.open(outside.name, os.O_RDONLY, dir_fd=os.open(inside / '..', os.O_PATH))",
        "os.chmod(outside, 0o777)",
        "os.chown(outside, 0, 0)",
        "os.utime(outside)",
        "os.setxattr(outside, 'user.x', b'x')",
        "(inside / 'picture').write_bytes(b'x')",
        "(inside / 'picture').unlink()",
        "(inside / 'new').touch()",
        "open('/proc/1/environ')",
        "open('/proc/kcore', 'rb')",
        "open('/dev/mem', 'rb')",
    ]
    assert_refused(tmp_path, attempts, "EPERM", "EACCES", "EXDEV", "ENOENT")
    assert (tmp_path / "outside").read_bytes() == b"a key"
    assert (tmp_path / "outside").stat().st_mode & 0o777 != 0o777


def test_a_link_inside_leads_to_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "inside" / "work").mkdir(parents=True)
    (tmp_path / "inside" / "way-out").symlink_to(tmp_path / "outside")
    assert caged(tmp_path, "(inside / 'way-out').read_bytes()") == ["EACCES"]


def test_what_was_let_in_is_read_and_work_is_written(tmp_path: Path) -> None:
    attempts = [
        "(inside / 'picture').read_bytes()",
        "(inside / 'work' / 'result').write_bytes(b'x')",
        "(inside / 'work' / 'result').rename(inside / 'work' / 'done')",
        "(inside / 'work' / 'done').unlink()",
        "__import__('mien_core.files').files.write_whole(inside / 'work' / 'whole', b'x', 0o600)",
        "__import__('numpy')",
        "__import__('cv2')",
        "__import__('psutil').virtual_memory()",
        "open(os.devnull, 'w')",
    ]
    assert caged(tmp_path, *attempts) == ["let through"] * len(attempts)


def test_no_more_memory_is_had_than_was_said(tmp_path: Path) -> None:
    size = 1 << 30
    attempts = [
        f"bytearray({size})",
        f"mmap.mmap(-1, {size}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
        f"mmap.mmap(-1, {size})",
        "os.memfd_create('x')",
        "call(29 if X86 else 194, 0, 4096, 0o1600)",
        "os.truncate(inside / 'work' / 'large', 3 << 30)",
    ]
    (tmp_path / "inside" / "work").mkdir(parents=True)
    (tmp_path / "inside" / "work" / "large").touch()
    assert set(caged(tmp_path, *attempts)) <= {"ENOMEM", "EPERM", "EFBIG"}
    script = f"{PRELUDE}\nimport resource\nresource.setrlimit(resource.RLIMIT_DATA, (-1, -1))"
    words = [sys.executable, "-c", script, str(tmp_path), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "ValueError: not allowed to raise maximum limit" in done.stderr


def test_parts_of_the_kernel_that_no_decoder_needs_are_out_of_reach(tmp_path: Path) -> None:
    calls = {
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "chroot": (161, 51),
        "unshare": (272, 97),
        "setns": (308, 268),
        "add_key": (248, 217),
        "keyctl": (250, 219),
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        "io_uring_setup": (425, 425),
        "init_module": (175, 105),
        "kexec_load": (246, 104),
        "open_by_handle_at": (304, 265),
        "personality": (135, 92),
        "fanotify_init": (300, 262),
    }
    assert_refused(tmp_path, [f"call({one} if X86 else {other}, 0, 0, 0, 0, 0)" for one, other in calls.values()])


def test_every_thread_is_in_the_cage_whenever_it_began(tmp_path: Path) -> None:
    head, _, tail = PRELUDE.partition("open_walls = ")
    script = f"""{head}
closed, answers = threading.Event(), []
def wait():
    closed.wait()
    answers.append(said(lambda: native('socket', 2, 1, 0)))
early = threading.Thread(target=wait)
early.start()
open_walls = {tail}
closed.set()
early.join()
print(answers)
"""
    words = [sys.executable, "-c", script, str(tmp_path), str(tmp_path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "['EPERM']\n"


def test_a_time_stamp_authority_is_asked_over_the_internet_and_nothing_of_this_machine_is(tmp_path: Path) -> None:
    script = PRELUDE.replace("memory_bytes", "web=True, memory_bytes")
    attempts = (
        "[lambda: socket.socket(), lambda: socket.socket(socket.AF_INET6), lambda: socket.socket(socket.AF_UNIX)]"
    )
    script += f"\nprint([said(each) for each in {attempts}])"
    words = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "['let through', 'let through', 'EPERM']\n"


def test_a_person_may_switch_it_off_and_is_told_of_every_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CAGE", "off")
    assert walls.close(Cage()) == dict.fromkeys(WALLS, "MIEN_CAGE=off")


def test_a_system_without_walls_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert set(walls.close(Cage()).values()) == {"Darwin has no such wall"}


def test_a_machine_for_which_no_filter_was_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert set(walls.close(Cage()).values()) == {"no filter was written for riscv64"}


def test_the_home_folder_and_the_folder_of_the_start_are_no_part_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "", "/", str(tmp_path), str(tmp_path / "home")])
    found = walls.python_files()
    assert not {Path("/"), tmp_path, tmp_path / "home"} & set(found)
    assert Path(sys.prefix).resolve() in found


def test_attempts_here_are_what_they_seem() -> None:
    """Without a cage the same calls go through: the tests above can fail."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 1, 0)
    assert descriptor >= 0
    os.close(descriptor)
    mmap.mmap(-1, 4096).close()
    os.kill(os.getppid(), 0)
