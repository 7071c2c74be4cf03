"""The tray's loop: take clicks and events, send requests, show the state. No failure ends it."""

import logging
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic

from mien_api.client import DaemonClient, DaemonUnreachable, Event, MienError
from mien_api.runtime_file import RuntimeFile
from mien_tray.autostart import Autostart
from mien_tray.daemon_cache import DaemonCache
from mien_tray.icon_image import choose_icon_state
from mien_tray.menu import Action, Entry, Verb, build_menu, build_title, describe_reason
from mien_tray.notices import Message, Notice, read_notice, to_messages
from mien_tray.requests import build_request
from mien_tray.status import DaemonState, Phase, Status
from mien_tray.strings import Words
from mien_tray.supervisor import Supervisor
from mien_tray.view import View

log = logging.getLogger(__name__)

SETTLE_S = 0.3  # events that come together are shown together
PAIRING_S = 2.0  # the window shuts by itself, without an event
PICTURE_PX = 256  # what desktops show beside a notification, on a dense screen
CALL_S = 10.0  # everything the tray asks is answered from memory or a small table

OpenPage = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Notification:
    """A text for the person from another thread."""

    text: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream of this daemon's events has ended."""

    daemon: RuntimeFile


Item = Action | Event | Disconnected | Notification


class Tray:
    """One loop in a thread of its own: take an item, act on it, read the state, show it.

    All attributes belong to that thread. Other threads only put items into the inbox, with `ask` and `say`.
    """

    def __init__(
        self, supervisor: Supervisor, login: Autostart, words: Words, open_page: OpenPage = webbrowser.open
    ) -> None:
        self._supervisor = supervisor
        self._login = login
        self._words = words
        self._open_page = open_page
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._cache = DaemonCache()
        self._listening_to: RuntimeFile | None = None
        self._notices: list[Notice] = []
        self._unseen_failures = 0
        self._message: str | None = None
        self._at_login = login.is_on()
        self._wants_page = False
        self._status = Status(DaemonState(Phase.STARTING))
        self._over = False

    def ask(self, action: Action) -> None:
        """Put a click into the inbox."""
        self._inbox.put(action)

    def say(self, text: str) -> None:
        """Put a text for the person into the inbox."""
        self._inbox.put(Notification(text))

    def open_when_ready(self) -> None:
        """Open the page as soon as there is a daemon to serve it."""
        self._wants_page = True

    def run(self, view: View) -> None:
        """Run until quit. Unexpected errors are logged; the loop continues."""
        while not self._over:
            for step in (self._show, self._take_items):
                try:
                    step(view)
                except Exception:
                    log.exception("a turn of the tray failed")
        view.stop()

    def _show(self, view: View) -> None:
        self._update_status(view)
        view.show(
            choose_icon_state(self._status),
            build_title(self._status, self._words),
            build_menu(self._status, self._words),
        )

    # ── items ──

    def _take_items(self, view: View) -> None:
        """Take the next item; after an event also those that follow within `SETTLE_S`."""
        try:
            item = self._inbox.get(timeout=self._longest_wait_s())
        except Empty:
            self._cache.mark_all_stale()
            return
        self._handle(item, view)
        settled = monotonic() + SETTLE_S
        while isinstance(item, Event) and (left := settled - monotonic()) > 0:
            try:
                item = self._inbox.get(timeout=left)
            except Empty:
                break
            self._handle(item, view)
        if self._notices:
            self._update_status(view)  # a browser's digits are part of what is said
        self._notify_what_happened(view)

    def _handle(self, item: Item, view: View) -> None:
        match item:
            case Event():
                self._cache.mark_stale(item.kind, item.data)
                if (one := read_notice(item.kind, item.data, self._words, self._cache.people)) is not None:
                    self._notices.append(one)
                    self._unseen_failures += one.category == "failed"
            case Disconnected():
                if item.daemon == self._listening_to:
                    self._listening_to = None
            case Notification():
                self._notify(view, item.text)
            case Action():
                self._cache.mark_all_stale()
                try:
                    self._perform(item)
                except MienError as error:
                    self._notify(view, self._words("refused", reason=error))

    def _perform(self, action: Action) -> None:
        """Do what a click asks for; raises what the daemon refuses."""
        if (request := build_request(action)) is not None:
            self._connect().request(request.method, request.path, request.body)
            return
        match action.verb:
            case Verb.OPEN:
                self._open(action.subject)
            case Verb.LOGIN:
                self._set_login(on=action.on)
            case Verb.START:
                if self._status.daemon.phase is Phase.SILENT:
                    self._supervisor.stop()
                self._supervisor.start()
            case Verb.QUIT_ALL:
                self._over = True
                self._supervisor.stop()
            case _:
                self._over = True

    def _open(self, view: str) -> None:
        """Open the page with a one-time code, at a view or at `view/item`. Another thread waits for the browser."""
        name, _, item = view.partition("/")
        place = (f"&view={name}" if name else "") + (f"&item={item}" if item else "")
        url = str(self._connect().request("POST", "/v1/sessions")["url"]) + place
        self._unseen_failures = 0
        self._message = None

        def start() -> None:
            if not self._open_page(url):
                self.say(self._words("no_page"))

        threading.Thread(target=start, name="open the page", daemon=True).start()

    def _set_login(self, *, on: bool) -> None:
        try:
            (self._login.turn_on if on else self._login.turn_off)()
        except OSError as error:
            self.say(self._words("no_login", reason=error.strerror or error))
        self._at_login = self._login.is_on()

    # ── the status ──

    def _update_status(self, view: View) -> None:
        """Ask the supervisor and the daemon, and set the status to their answers."""
        before, daemon = self._status.daemon, self._supervisor.check()
        if daemon.phase is Phase.RUNNING:
            try:
                self._listen()
                self._cache.refresh(self._connect())
                self._status = self._cache.build_status(daemon, self._at_login, self._unseen_failures, self._message)
                self._open_if_wanted()
                return
            except Exception as error:  # noqa: BLE001 a wrong answer counts as none
                # The daemon may be ending: the next check by the supervisor tells.
                log.warning("the daemon did not report its state: %r", error)
                daemon = DaemonState(Phase.SILENT)
        self._status = Status(daemon, at_login=self._at_login, message=self._message)
        if daemon.phase is Phase.FAILED and before.phase is not Phase.FAILED:
            self._notify(view, describe_reason(daemon, self._words))

    def _open_if_wanted(self) -> None:
        if self._wants_page:
            self._wants_page = False
            self._open("")

    def _longest_wait_s(self) -> float:
        """How long to wait for an item before the state is read again."""
        if self._status.daemon.phase is Phase.SILENT:
            return 1.0
        if self._status.daemon.phase is Phase.RUNNING and self._status.pairing.open:
            return PAIRING_S
        return self._supervisor.due_in_s

    def _listen(self) -> None:
        """Start a thread that puts the daemon's events into the inbox; it ends with the daemon."""
        found = self._supervisor.running
        if found is None or found == self._listening_to:
            return
        self._listening_to = found
        self._cache.mark_all_stale()

        def listen() -> None:
            try:
                for event in DaemonClient(found.port, found.token).events():
                    self._inbox.put(event)
            except MienError:
                pass
            self._inbox.put(Disconnected(found))

        threading.Thread(target=listen, name="daemon events", daemon=True).start()

    def _connect(self) -> DaemonClient:
        found = self._supervisor.running
        if found is None:
            raise DaemonUnreachable(self._words("state_stopped"))
        return DaemonClient(found.port, found.token, CALL_S)

    # ── notifications ──

    def _notify_what_happened(self, view: View) -> None:
        for message in to_messages(self._notices, self._status.pairing, self._words):
            if self._status.notify[message.category]:
                self._notify(view, message.text, self._picture_of(message), message.buttons)
        self._notices.clear()

    def _picture_of(self, message: Message) -> bytes | None:
        if message.category != "finished" or not message.job:
            return None
        try:
            return self._connect().preview(message.job, PICTURE_PX) or None
        except MienError as error:
            log.info("a notification goes without its picture: %s", error)
            return None

    def _notify(self, view: View, text: str, picture: bytes | None = None, buttons: Sequence[Entry] = ()) -> None:
        """Show a notification. A text that cannot be shown stays in the menu."""
        self._message = None if view.notify("Mien", text, picture, buttons) else text
