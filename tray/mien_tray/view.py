"""What shows the tray's state: the icon, or a terminal where an icon is impossible."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from mien_tray.icon_image import IconState
from mien_tray.menu import Entry, MenuLine

log = logging.getLogger(__name__)


AWAKE_S = 0.5


class View(Protocol):
    """Shows the state and notifications; safe to call from any thread."""

    def show(self, state: IconState, title: str, lines: Sequence[MenuLine]) -> None: ...

    def notify(self, title: str, text: str, picture: bytes | None = None, buttons: Sequence[Entry] = ()) -> bool:
        """Show a notification; True if a person can have seen it.

        `picture` is a small JPEG. Of `buttons` the first is also what a click on the notification does. A desktop that
        has no room for one of them leaves it out.
        """
        ...

    def run(self) -> None:
        """Hold the main thread until `stop`."""
        ...

    def stop(self) -> None: ...


class Terminal:
    """No icon: changes and notifications are lines on stderr."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or sys.stderr.write
        self._shown: IconState | None = None
        self._over = threading.Event()

    def show(self, state: IconState, title: str, lines: Sequence[MenuLine]) -> None:
        del lines  # a terminal has no clicks; every line has its command
        if self._shown is None or state.symbol is not self._shown.symbol:
            self._write(f"{title}\n")
        self._shown = state

    def notify(self, title: str, text: str, picture: bytes | None = None, buttons: Sequence[Entry] = ()) -> bool:
        del picture, buttons  # every button has its command
        self._write(f"{title}: {text}\n")
        return True

    def run(self) -> None:
        # A signal that comes just before the wait is handled only after it.
        while not self._over.wait(AWAKE_S):
            pass

    def stop(self) -> None:
        self._over.set()
