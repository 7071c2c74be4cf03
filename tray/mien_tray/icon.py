"""The icon in the panel: the only file that imports pystray, which opens the display when it is imported."""

import importlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from mien_tray import desktop
from mien_tray.icon_image import Look, Mark, draw
from mien_tray.menu import Action, Entry, Line, Separator

Ask = Callable[[Action], None]


def open_icon(ask: Ask) -> "Icon":
    """The icon, not yet shown; `ask` hears of every click, on the main thread.

    Raises:
        NoTray: there can be no icon with a menu here.
    """
    if desktop.is_linux():
        os.environ["PYSTRAY_BACKEND"] = desktop.backend()
    try:
        if desktop.is_linux():
            vars(importlib.import_module("pystray._util.notify_dbus"))["Notifier"] = _NoNotifier
        pystray = importlib.import_module("pystray")
    except Exception as error:  # each backend fails in the way of its own libraries
        raise desktop.NoTray("no_menu", str(error)) from error
    return Icon(pystray, ask)


class _NoNotifier:
    """In place of pystray's: that one ends `run` where the notification service is broken. `desktop.notify` does it."""

    def notify(self, *_: object) -> None: ...

    def hide(self) -> None: ...


class Icon:
    """A view in the panel. Only what has changed is handed on, so that an open menu stays open."""

    def __init__(self, pystray: Any, ask: Ask) -> None:
        self._pystray = pystray
        self._ask = ask
        self._shown: tuple[Look, str, tuple[Line, ...]] | None = None
        self._icon: Any = pystray.Icon("mien", draw(Look(Mark.IDLE)), "Mien")

    def show(self, look: Look, title: str, lines: Sequence[Line]) -> None:
        before = self._shown
        self._shown = (look, title, tuple(lines))
        if before is None or before[0] != look:
            self._icon.icon = draw(look)
        if before is None or before[1] != title:
            self._icon.title = title
        if before is None or before[2] != tuple(lines):
            self._icon.menu = self._menu(lines)

    def notify(self, title: str, text: str) -> bool:
        if desktop.is_linux():
            return desktop.notify(title, text)
        self._icon.notify(text, title)
        return True

    def run(self) -> None:
        self._icon.run(self._ready)

    def stop(self) -> None:
        self._icon.stop()

    def _ready(self, icon: Any) -> None:
        icon.visible = True
        if desktop.is_linux():
            # pystray gives Ctrl-C back to the system, which ends the process without a word.
            desktop.library("GLib").idle_add(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGTERM))

    def _menu(self, lines: Sequence[Line]) -> Any:
        return self._pystray.Menu(*(self._item(line) for line in lines))

    def _item(self, line: Line) -> Any:
        if isinstance(line, Separator):
            return self._pystray.Menu.SEPARATOR
        return self._pystray.MenuItem(
            line.label,
            self._menu(line.below) if line.below else self._clicked(line),
            checked=None if line.ticked is None else _always(line.ticked),
            default=line.default,
            enabled=line.enabled,
        )

    def _clicked(self, entry: Entry) -> Callable[[], None]:
        def clicked() -> None:
            if entry.action is not None:
                self._ask(entry.action)

        return clicked


def _always(ticked: bool) -> Callable[[object], bool]:
    return lambda _: ticked
