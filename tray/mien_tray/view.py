"""What shows the tray's state: the icon, or a terminal where there can be no icon."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from mien_tray.icon_image import Look
from mien_tray.menu import Line

log = logging.getLogger(__name__)


class View(Protocol):
    """Shows and says; safe to call from any thread."""

    def show(self, look: Look, title: str, lines: Sequence[Line]) -> None: ...

    def notify(self, title: str, text: str) -> bool:
        """Whether a person can have seen it."""
        ...

    def run(self) -> None:
        """Hold the main thread until `stop`."""
        ...

    def stop(self) -> None: ...


class Terminal:
    """No icon: changes and messages are lines on stderr, as they would be in a log."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or sys.stderr.write
        self._shown: Look | None = None
        self._over = threading.Event()

    def show(self, look: Look, title: str, lines: Sequence[Line]) -> None:
        del lines  # nobody could click them; every one has its command
        if self._shown is None or look.mark is not self._shown.mark:
            self._write(f"{title}\n")
        self._shown = look

    def notify(self, title: str, text: str) -> bool:
        self._write(f"{title}: {text}\n")
        return True

    def run(self) -> None:
        self._over.wait()

    def stop(self) -> None:
        self._over.set()
