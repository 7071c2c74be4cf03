"""Standard streams that never cost a command its answer or its status.

What a stream's encoding lacks is written as an escape. A reader that has gone is no failure: the work is done, and the
answer was not wanted. A stream that is closed from the start is a null device, so that no file of ours gets its number.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The reader has gone: a pipe, a descriptor, a terminal, a socket.
GONE = {errno.EPIPE, errno.EBADF, errno.EIO, errno.ECONNRESET, errno.ESHUTDOWN, errno.ENXIO}
# Error handlers that raise for some character.
RAISING = {"strict", "surrogateescape", "surrogatepass"}


# A list of ten thousand jobs is shorter.
MAX_KEPT_BYTES = 4 << 20


class Outlet(io.RawIOBase):
    """What lies below a text stream: it takes every byte, and keeps the first error for the end.

    Attributes:
        error: why bytes were not written; None where all were.
        unwritten: those bytes, for another place to be told.
    """

    def __init__(self, below: io.RawIOBase, owner: TextIO | None = None) -> None:
        """`owner` closes `below` when it is collected, so it is kept."""
        super().__init__()
        self._below, self._owner = below, owner
        self.error: OSError | None = None
        self.unwritten = b""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._below.fileno()

    def isatty(self) -> bool:
        return self._below.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                while (written := self._below.write(view)) is None:  # the reader made it a pipe that does not wait
                    select.select([], [self._below], [])
            except OSError as error:
                self.error = error
            else:
                return written
        if len(self.unwritten) < MAX_KEPT_BYTES:
            self.unwritten += bytes(view)
        return len(view)


def open_streams() -> tuple[Outlet, Outlet]:
    """Replace the standard streams by ones that take everything; the outlets of stdout and stderr."""
    open_closed_descriptors()
    sys.stdin = open_input(sys.stdin)
    outlets: list[Outlet] = []
    for name in ("stdout", "stderr"):
        outlet, stream = open_output(getattr(sys, name), 1 + len(outlets))
        setattr(sys, name, stream)
        outlets.append(outlet)
    return outlets[0], outlets[1]


def open_closed_descriptors() -> None:
    """Put the null device where this process was started without a standard stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def open_input(stream: TextIO | None) -> TextIO:
    """Standard input; empty where there is none. What it cannot decode is no reason to fail."""
    if stream is None:
        return open(0, encoding="utf-8", errors="replace", closefd=False)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def open_output(stream: TextIO | None, number: int) -> tuple[Outlet, TextIO]:
    """The text stream on this descriptor, with the encoding that the person chose."""
    if stream is None:
        below: io.RawIOBase = io.FileIO(number, "w", closefd=False)
        outlet = Outlet(below)
        return outlet, io.TextIOWrapper(io.BufferedWriter(outlet), "utf-8", "backslashreplace")
    buffer = cast("io.BufferedWriter", stream.buffer)
    outlet = Outlet(cast("io.RawIOBase", getattr(buffer, "raw", buffer)), stream)
    errors = "backslashreplace" if stream.errors in RAISING else stream.errors
    is_log = number == 2
    opened = io.TextIOWrapper(
        io.BufferedWriter(outlet), stream.encoding, errors, line_buffering=bool(stream.line_buffering) or is_log
    )
    return outlet, opened


def close(stdout: Outlet) -> bool:
    """Write what is buffered; False where a reader who is still there lost some of the answer, which stderr tells."""
    sys.stdout.flush()
    lost = stdout.error
    if lost is None or lost.errno in GONE:
        sys.stderr.flush()
        return True
    sys.stderr.write(f"mien: standard output cannot be written: {lost.strerror}; it was to say:\n")
    sys.stderr.write(stdout.unwritten.decode(sys.stdout.encoding, "replace"))
    sys.stderr.flush()
    return False
