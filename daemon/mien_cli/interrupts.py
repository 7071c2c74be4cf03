"""Ctrl-C and requests to end, none of which is lost.

Python raises `KeyboardInterrupt` in whatever runs at that moment. Where that is called from a C library (a callback of
the credentials' library, a finaliser, the garbage collector), Python prints the exception and drops it, and the command
continues. So the signal is also remembered. The command looks for a remembered one between two steps and at its end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

# A second signal within this time is the same wish, and would only break off the tidying up after the first.
SAME_WISH_S = 1.0
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that this system has


class Interrupts:
    """The first signal that asked this process to end."""

    def __init__(self) -> None:
        self._number = 0
        self._at = 0.0
        self._is_over = False

    @property
    def status(self) -> int:
        """The exit status that a shell gives to an end by this signal: 130 for Ctrl-C; 0 without a signal."""
        return 128 + self._number if self._number else 0

    def watch(self) -> None:
        """Hear every such signal from now on, but for those that this process was started to ignore."""
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.hear)
        dropped = sys.unraisablehook

        def drop(told: sys.UnraisableHookArgs) -> None:
            if told.exc_type is not KeyboardInterrupt:
                dropped(told)

        sys.unraisablehook = drop

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Remember the signal and raise `KeyboardInterrupt`."""
        if self._is_over:
            os._exit(self.status or 128 + number)
        now = time.monotonic()
        if self._number and now - self._at < SAME_WISH_S:
            return
        self._number, self._at = self._number or number, now
        raise KeyboardInterrupt

    def end(self) -> None:
        """From now on a signal ends the process at once: all is done, but for the last instructions of Python."""
        self._is_over = True

    def check(self) -> None:
        """Raise `KeyboardInterrupt` again where one was dropped."""
        if self._number:
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()
"""Those of this process; signals are the whole process's."""
