"""The icon in the panel: the only file that imports pystray, which opens the display when it is imported."""

import importlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from mien_tray import desktop
from mien_tray.icon_image import IconState, Symbol, draw
from mien_tray.menu import Action, Entry, MenuLine, Separator
from mien_tray.notifications import Notifications

OnClick = Callable[[Action], None]


def open_icon(ask: OnClick) -> "Icon":
    """The icon, not yet shown. `ask` is called with every click, on the main thread.

    Raises:
        NoTray: there can be no icon with a menu here.
    """
    if desktop.is_linux():
        os.environ["PYSTRAY_BACKEND"] = desktop.choose_backend()
    try:
        if desktop.is_linux():
            vars(importlib.import_module("pystray._util.notify_dbus"))["Notifier"] = _NoNotifier
        pystray = importlib.import_module("pystray")
    except Exception as error:  # each backend fails in the way of its own libraries
        raise desktop.NoTray("no_menu", str(error)) from error
    return Icon(pystray, ask)


class _NoNotifier:
    """Replaces pystray's, which ends `run` when the notification service is broken. `desktop.notify` shows ours."""

    def notify(self, *_: object) -> None: ...

    def hide(self) -> None: ...


class Icon:
    """A view in the panel. It passes on only what changed, so that an open menu stays open."""

    def __init__(self, pystray: Any, ask: OnClick) -> None:
        self._pystray = pystray
        self._ask = ask
        self._shown: tuple[IconState, str, tuple[MenuLine, ...]] | None = None
        self._notifications = Notifications()
        self._icon: Any = pystray.Icon("mien", draw(IconState(Symbol.IDLE)), "Mien")

    def show(self, state: IconState, title: str, lines: Sequence[MenuLine]) -> None:
        before = self._shown
        self._shown = (state, title, tuple(lines))
        if before is None or before[0] != state:
            self._icon.icon = draw(state)
        if before is None or before[1] != title:
            self._icon.title = title
        if before is None or before[2] != tuple(lines):
            self._icon.menu = self._menu(lines)

    def notify(self, title: str, text: str, picture: bytes | None = None, buttons: Sequence[Entry] = ()) -> bool:
        if desktop.is_linux():
            labels = [button.label for button in buttons]
            return self._notifications.show(title, text, picture, labels, lambda number: self._press(buttons[number]))
        self._icon.notify(text, title)
        return True

    def run(self) -> None:
        self._icon.run(self._ready)

    def stop(self) -> None:
        self._icon.stop()

    def _ready(self, icon: Any) -> None:
        icon.visible = True
        if desktop.is_linux():
            # pystray resets Ctrl-C to the system's default, which ends the process at once.
            desktop.load_library("GLib").idle_add(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGTERM))

    def _menu(self, lines: Sequence[MenuLine]) -> Any:
        return self._pystray.Menu(*(self._item(line) for line in lines))

    def _item(self, line: MenuLine) -> Any:
        if isinstance(line, Separator):
            return self._pystray.Menu.SEPARATOR
        return self._pystray.MenuItem(
            line.label,
            self._menu(line.below) if line.below else self._clicked(line),
            checked=None if line.ticked is None else _return_always(line.ticked),
            default=line.default,
            enabled=line.enabled,
        )

    def _clicked(self, entry: Entry) -> Callable[[], None]:
        return lambda: self._press(entry)

    def _press(self, entry: Entry) -> None:
        if entry.action is not None:
            self._ask(entry.action)


def _return_always(ticked: bool) -> Callable[[object], bool]:
    return lambda _: ticked
