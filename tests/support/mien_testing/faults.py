"""Make the n-th file-system call of a real process fail, whatever makes it: Python, SQLite, a library in C or Rust.

`faults.c` is compiled once and preloaded into the processes under test. It counts the calls that would change a file
below one folder, in all of them together, and fails those that `Faults` names. A test counts the calls of one
operation first, then fails each in turn.
"""

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

_TRACE_BYTES = 65536
_SOURCE = Path(__file__).with_name("faults.c")


class Call(IntFlag):
    """Kinds of calls, as `faults.c` numbers them."""

    OPEN = 1
    WRITE = 2
    SYNC = 4
    RENAME = 8
    LINK = 16
    UNLINK = 32
    MKDIR = 64
    TRUNCATE = 128
    CHMOD = 256
    READ = 512
    ALLOCATE = 1024


CHANGES = Call(511)
"""Everything that changes a file or a folder."""
GROWS = Call.OPEN | Call.WRITE | Call.MKDIR | Call.TRUNCATE
"""What a full disk refuses; it still renames and removes."""


class Action(IntEnum):
    """What happens instead of the call."""

    FAIL = 0
    KILL = 1
    SHORT = 2


class _Control(ctypes.Structure):
    """The page that this process shares with those under test: `struct control` of faults.c."""

    _fields_ = (
        ("calls", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("failed", ctypes.c_int64),
        ("large", ctypes.c_int64),
        ("error", ctypes.c_int32),
        ("action", ctypes.c_int32),
        ("kinds", ctypes.c_uint32),
        ("traced", ctypes.c_uint32),
        ("trace", ctypes.c_char * _TRACE_BYTES),
    )


class Faults:
    """Counts and fails the calls below `folder` of every process started with `environment`."""

    def __init__(self, library: Path, control: Path, folder: Path) -> None:
        self.environment = {
            "LD_PRELOAD": str(library),
            "MIEN_FAULT_CONTROL": str(control),
            "MIEN_FAULT_UNDER": str(folder.resolve()),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        control.write_bytes(bytes(ctypes.sizeof(_Control)))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._page = _Control.from_buffer(self._map)

    def close(self) -> None:
        """Give up the shared page."""
        del self._page
        self._map.close()

    def count(self, kinds: Call = CHANGES, large_bytes: int = 1 << 20) -> None:
        """Count from zero, and fail nothing. `large_bytes`: the allocations that count."""
        self._set(0, 0, 0, Action.FAIL, kinds, large_bytes)

    def fail(
        self,
        number: int,
        error: int = errno.ENOSPC,
        *,
        kinds: Call = CHANGES,
        action: Action = Action.FAIL,
        last: int | None = None,
        large_bytes: int = 1 << 20,
    ) -> None:
        """Count from zero, and fail the call of this number, from 1; up to `last` when it is given."""
        self._set(number, last or number, error, action, kinds, large_bytes)

    def rest(self) -> None:
        """Count nothing more and fail nothing more; what was counted stays to be read."""
        self._page.kinds = self._page.first = 0

    @property
    def calls(self) -> int:
        """How many calls were counted since `count` or `fail`."""
        return int(self._page.calls)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return int(self._page.failed)

    @property
    def trace(self) -> str:
        """Every counted call, a line each; a failed one begins with an exclamation mark."""
        return bytes(self._page.trace).decode(errors="replace")

    @property
    def blamed(self) -> str:
        """The calls that failed, for the message of an assertion."""
        return "; ".join(line for line in self.trace.splitlines() if line.startswith("!"))

    def _set(self, first: int, last: int, error: int, action: Action, kinds: Call, large_bytes: int) -> None:
        page = self._page
        page.kinds = 0  # what runs meanwhile is not counted
        page.calls = page.failed = page.traced = 0
        page.trace = b""
        ctypes.memset(ctypes.byref(page, _Control.trace.offset), 0, _TRACE_BYTES)
        page.first, page.last, page.error, page.action, page.large = first, last, error, int(action), large_bytes
        page.kinds = int(kinds)


def is_every_fault_wanted() -> bool:
    """True in the scheduled job and in `nox -s faults`, which take the time."""
    return bool(os.environ.get("MIEN_EVERY_FAULT"))


def spread(total: int, most: int) -> list[int]:
    """At most so many numbers from 1 to `total`, which is not 0, evenly; all of them when MIEN_EVERY_FAULT is set.

    One alone is the third from the end, where what was made is just being put into its place.
    """
    if total < 1:
        raise ValueError("no call was counted, so nothing would be tried")
    if is_every_fault_wanted() or total <= most:
        return list(range(1, total + 1))
    if most == 1:
        return [max(1, total - 2)]
    return sorted({1 + round(step * (total - 1) / (most - 1)) for step in range(most)})


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`faults.c`, compiled: preloading is Linux's, and gcc is among the packages of `tests/apt.txt`."""
    compiler = next(found for name in ("cc", "gcc", "clang") if (found := shutil.which(name)))
    built = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", built, _SOURCE, "-ldl"], check=True, timeout=120)
    return built


@pytest.fixture
def faults(fault_library: Path, tmp_path: Path) -> Iterator[Faults]:
    """Faults below the test's folder `under`, which is there."""
    folder = tmp_path / "under"
    folder.mkdir()
    made = Faults(fault_library, tmp_path / "faults.control", folder)
    yield made
    made.close()
