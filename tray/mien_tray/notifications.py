"""Notifications on a Linux desktop (freedesktop.org's specification 1.2): a text, a small picture, and buttons."""

import io
import logging
from collections.abc import Callable, Sequence
from typing import Any

import PIL.Image

from mien_tray.desktop import call_bus, load_library

log = logging.getLogger(__name__)

SERVICE = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
REMEMBERED = 16  # notifications whose buttons are still listened for; services drop old ones themselves

OnPress = Callable[[int], None]


class Notifications:
    """Shows notifications and hears of their buttons, on GLib's main loop.

    pystray's own way loses a notification silently, has no buttons, and ends the icon when the service is broken.
    """

    def __init__(self) -> None:
        self._pressed: dict[int, OnPress] = {}
        self._listening = False

    def show(self, title: str, text: str, picture: bytes | None, labels: Sequence[str], on_press: OnPress) -> bool:
        """Show one; False when no service shows it. `on_press` is given the number of the label that was pressed."""
        glib = load_library("GLib")
        try:
            actions = name_actions(labels) if labels and self._has_buttons() else []
            hints = {"image-data": glib.Variant("(iiibiiay)", read_picture(picture))} if picture else {}
            sent = glib.Variant("(susssasa{sv}i)", ("Mien", 0, "", title, text.replace("<", "‹"), actions, hints, -1))
            (number,) = call_bus(SERVICE, PATH, SERVICE, "Notify", sent)
        except glib.Error as error:
            log.info("no notification: %s", error)
            return False
        if actions:
            self._remember(int(number), on_press)
        return True

    def _has_buttons(self) -> bool:
        """Ask the service, once a notification: it may be another one by now."""
        (capabilities,) = call_bus(SERVICE, PATH, SERVICE, "GetCapabilities", None)
        return "actions" in capabilities

    def _remember(self, number: int, on_press: OnPress) -> None:
        self._listen()
        self._pressed[number] = on_press
        while len(self._pressed) > REMEMBERED:
            del self._pressed[next(iter(self._pressed))]

    def _listen(self) -> None:
        if self._listening:
            return
        self._listening = True
        gio = load_library("Gio")
        bus = gio.bus_get_sync(gio.BusType.SESSION, None)
        flags = gio.DBusSignalFlags.NONE
        bus.signal_subscribe(SERVICE, SERVICE, "ActionInvoked", PATH, None, flags, self._take_press)

    def _take_press(self, *signal: Any) -> None:
        """Called by GLib with connection, sender, path, interface, name, (number, key)."""
        number, key = signal[5].unpack()
        on_press = self._pressed.pop(number, None)
        if on_press is not None:
            on_press(0 if key == "default" else int(key))


def name_actions(labels: Sequence[str]) -> list[str]:
    """Key and label in turn; `default` is a click on the notification itself, and does what the first button does."""
    named = [word for number, label in enumerate(labels) for word in (str(number), label)]
    return ["default", labels[0], *named]


def read_picture(jpeg: bytes) -> tuple[int, int, int, bool, int, int, bytes]:
    """What the hint `image-data` is: width, height, bytes a row, alpha, bits a sample, channels, RGB pixels.

    Drawn from memory: a picture that a path would name would have to lie on the disk for the service to read.
    """
    with PIL.Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        pixels = image.convert("RGB")
    return pixels.width, pixels.height, pixels.width * 3, False, 8, 3, pixels.tobytes()
