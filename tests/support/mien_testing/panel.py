"""A panel for tests: a status notifier host and a notification service. It reads menus as panels do, over
com.canonical.dbusmenu, and has no pixels of its own.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    Properties,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

WAIT_S = 120.0  # two slow cores that other things run on as well; most of it takes well under a second

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
NOTIFICATIONS = "org.freedesktop.Notifications"

T = TypeVar("T")


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, as soon as it finds something."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


@dataclass
class PanelLine:
    """A line of a menu as a panel gets it."""

    number: int
    label: str
    enabled: bool
    ticked: bool | None
    below: "list[PanelLine]" = field(default_factory=list["PanelLine"])

    @classmethod
    def read(cls, node: tuple[int, Mapping[str, tuple[str, Any]], Sequence[tuple[str, Any]]]) -> "PanelLine":
        number, properties, below = node
        values = {name: value for name, (_, value) in properties.items()}
        return cls(
            number,
            str(values.get("label", "─" if values.get("type") == "separator" else "")),
            bool(values.get("enabled", True)),
            bool(values["toggle-state"]) if values.get("toggle-type") else None,
            [cls.read(child) for _, child in below],
        )

    def find(self, *path: str) -> "PanelLine | None":
        """The line whose label begins so, below the line whose label begins so, …"""
        if not path:
            return self
        for line in self.below:
            if line.label.startswith(path[0]):
                return line.find(*path[1:])
        return None


class Panel:
    """A status notifier host and a notification service, each on a connection of its own."""

    def __init__(self, bus: str, *, notifies: bool = True) -> None:
        self._bus = bus
        self.registered: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.notified: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.buttons: dict[str, str] = {}
        self.pictured = False
        self._asking = open_dbus_connection(bus)
        self._item: tuple[str, str] | None = None
        names = (WATCHER, NOTIFICATIONS) if notifies else (WATCHER,)
        self._servers = [open_dbus_connection(bus) for _ in names]
        for connection, name in zip(self._servers, names, strict=True):
            connection.send_and_get_reply(message_bus.RequestName(name))
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    # ── what a test looks at ──

    def item(self) -> tuple[str, str]:
        """The bus name and path of the icon, as soon as there is one."""
        if self._item is None:
            self._item = self.registered.get(timeout=WAIT_S)
        return self._item

    def property(self, name: str) -> Any:
        owner, path = self.item()
        reply = self._ask(Properties(DBusAddress(path, owner, ITEM)).get(name))
        return reply[0][1]

    def title(self) -> str:
        return str(self.property("Title"))

    def menu(self) -> PanelLine:
        """The whole menu as it is now."""
        address = self._menu_address()
        self._ask(new_method_call(address, "AboutToShow", "i", (0,)))
        _, root = self._ask(new_method_call(address, "GetLayout", "iias", (0, -1, [])))
        return PanelLine.read(root)

    def line(self, *path: str) -> PanelLine:
        return until(lambda: self.menu().find(*path), f"the menu line {path}")

    def click(self, *path: str) -> None:
        """Click a line as soon as it can be clicked; a menu that is replaced in between is read again."""
        until(lambda: self._clicked(*path), f"a click on the menu line {path}")

    def _clicked(self, *path: str) -> bool:
        found = self.menu().find(*path)
        if found is None or not found.enabled:
            return False
        event = (found.number, "clicked", ("i", 0), 0)
        reply = self._asking.send_and_get_reply(new_method_call(self._menu_address(), "Event", "isvu", event))
        return reply.header.message_type is not MessageType.error

    def is_told(self, text: str) -> None:
        """Wait for a notification with these words; others before it are taken too."""
        seen: list[str] = []
        while not seen or text not in seen[-1]:
            try:
                seen.append(self.notified.get(timeout=WAIT_S))
            except queue.Empty:
                raise AssertionError(f"no notification {text!r}, only {seen}") from None

    def press(self, label: str) -> None:
        """Press a button of the last notification."""
        key = next(key for key, known in self.buttons.items() if known == label and key != "default")
        address = DBusAddress("/org/freedesktop/Notifications", interface=NOTIFICATIONS)
        self._servers[-1].send(new_signal(address, "ActionInvoked", "us", (1, key)))

    def forget(self) -> None:
        """Every notification so far."""
        while not self.notified.empty():
            self.notified.get()

    def _menu_address(self) -> DBusAddress:
        owner, _ = self.item()
        return DBusAddress(str(self.property("Menu")), owner, MENU)

    def _ask(self, message: Message) -> Any:
        reply = self._asking.send_and_get_reply(message, timeout=WAIT_S)
        if reply.header.message_type is MessageType.error:
            raise AssertionError(reply.body)
        return reply.body

    # ── what the panel does ──

    def _serve(self, connection: Any) -> None:
        while True:
            try:
                message = connection.receive()
                if message.header.message_type is MessageType.method_call:
                    connection.send(self._answer(message))
            except (OSError, ValueError):  # closed, while it waited or before its answer was sent
                return

    def _answer(self, message: Message) -> Message:
        fields, body = message.header.fields, message.body
        match fields[HeaderFields.member]:
            case "RegisterStatusNotifierItem":
                path = body[0] if body[0].startswith("/") else "/StatusNotifierItem"
                self.registered.put((fields[HeaderFields.sender], path))
                return new_method_return(message)
            case "Get":
                values = {"IsStatusNotifierHostRegistered": ("b", True), "ProtocolVersion": ("i", 0)}
                return new_method_return(message, "v", (values[body[1]],))
            case "GetAll":
                host = {"IsStatusNotifierHostRegistered": ("b", True), "RegisteredStatusNotifierItems": ("as", [])}
                return new_method_return(message, "a{sv}", (host,))
            case "GetCapabilities":
                return new_method_return(message, "as", (["body", "actions"],))
            case "Notify":
                self.buttons = dict(zip(body[5][::2], body[5][1::2], strict=True))
                self.pictured = "image-data" in body[6]
                self.notified.put(f"{body[3]}: {body[4]}")
                return new_method_return(message, "u", (1,))
            case member:
                return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (member,))

    def close(self) -> None:
        for connection in (*self._servers, self._asking):
            connection.close()
