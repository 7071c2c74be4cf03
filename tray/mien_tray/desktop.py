"""What a Linux desktop offers a tray: PyGObject, a panel that shows icons, a service that shows notifications.

Importing this module loads nothing of GTK.
"""

import ctypes
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

# Where distributions keep PyGObject: Debian and its children, Fedora, Arch.
SYSTEM_FOLDERS = (
    Path("/usr/lib/python3/dist-packages"),
    Path(f"/usr/lib64/python3.{sys.version_info.minor}/site-packages"),
    Path(f"/usr/lib/python3.{sys.version_info.minor}/site-packages"),
)
INDICATORS = ("AppIndicator3", "AyatanaAppIndicator3")
WATCHER = "org.kde.StatusNotifierWatcher"
CALL_MS = 3000


class NoTray(Exception):
    """An icon with a menu is impossible here. `key` names the string for the person; the message is the reason."""

    def __init__(self, key: str, fact: str) -> None:
        super().__init__(fact)
        self.key = key


def is_linux() -> bool:
    """Linux, or a system with the same desktops. A function, so that type checkers check both branches."""
    return sys.platform not in {"win32", "darwin"}


def choose_backend(environ: Mapping[str, str] = os.environ) -> str:
    """The backend of pystray to use, with GTK ready for it: appindicator, else gtk.

    Raises:
        NoTray: no screen, or only the xorg backend, whose icons have no menu and lose left clicks.
    """
    chosen = environ.get("PYSTRAY_BACKEND")
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise NoTray("no_screen", "neither DISPLAY nor WAYLAND_DISPLAY is set")
    if chosen == "xorg":
        raise NoTray("no_menu", "PYSTRAY_BACKEND is xorg")
    # GTK's display code looks for OpenGL visuals and so loads LLVM: 55 MB resident for an icon that needs none.
    os.environ.setdefault("GDK_GL", "disable")
    try:
        gtk = load_library("Gtk", "3.0")
    except (ImportError, ValueError) as error:
        raise NoTray("no_menu", str(error)) from error
    load_library("GLib").set_prgname("mien")  # what window managers and screen readers call us
    if not gtk.init_check()[0]:
        raise NoTray("no_screen", "the display does not answer")
    versions = load_gi().Repository.get_default().enumerate_versions
    return chosen or ("appindicator" if any("0.1" in versions(name) for name in INDICATORS) else "gtk")


def load_library(name: str, version: str = "2.0") -> Any:
    """Load a GNOME library; raises ImportError or ValueError when it is not installed."""
    load_gi().require_version(name, version)
    return importlib.import_module(f"gi.repository.{name}")


def load_gi() -> Any:
    """Load PyGObject from where distributions keep it, because a virtual environment does not see it there.

    Raises:
        ImportError: there is none for this Python.
    """
    if importlib.util.find_spec("gi") is None:
        folder = next((folder / "gi" for folder in SYSTEM_FOLDERS if is_built_for_this_python(folder / "gi")), None)
        if folder is None:
            raise ImportError(f"PyGObject (python3-gi) is not installed for Python 3.{sys.version_info.minor}")
        found = importlib.util.spec_from_file_location(
            "gi", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if found is None or found.loader is None:
            raise ImportError(f"{folder} cannot be loaded")
        sys.modules["gi"] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules["gi"])
    return importlib.import_module("gi")


def is_built_for_this_python(folder: Path) -> bool:
    """Whether a copy of PyGObject was built for this very Python."""
    return any((folder / f"_gi{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def has_tray_host() -> bool:
    """Whether something shows tray icons now: a status notifier host, or an X11 system tray."""
    return has_notifier_host() or has_x11_tray()


def has_notifier_host() -> bool:
    glib = load_library("GLib")
    try:
        answer = call_bus(
            WATCHER,
            "/StatusNotifierWatcher",
            "org.freedesktop.DBus.Properties",
            "Get",
            glib.Variant("(ss)", (WATCHER, "IsStatusNotifierHostRegistered")),
        )
    except glib.Error:
        return False
    return bool(answer[0])


def has_x11_tray() -> bool:
    """Whether a panel owns the selection of the first screen's tray (freedesktop System Tray Protocol 0.3)."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = x11.XGetSelectionOwner.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        return False
    try:
        atom = ctypes.c_ulong(x11.XInternAtom(display, b"_NET_SYSTEM_TRAY_S0", 0))
        return bool(x11.XGetSelectionOwner(display, atom))
    finally:
        x11.XCloseDisplay(display)


def call_bus(name: str, path: str, interface: str, method: str, arguments: Any) -> Any:
    """Call a method on the session bus and unpack the answer; raises GLib.Error."""
    gio = load_library("Gio")
    bus = gio.bus_get_sync(gio.BusType.SESSION, None)
    return bus.call_sync(name, path, interface, method, arguments, None, gio.DBusCallFlags.NONE, CALL_MS, None).unpack()
