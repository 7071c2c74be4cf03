"""The tray: clicks and events come in, requests and pictures go out, and nothing that fails ends it."""

import logging
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic

from mien_api.client import DaemonClient, DaemonUnreachable, Event, MienError
from mien_api.runtime_file import RuntimeFile
from mien_tray.autostart import Autostart
from mien_tray.daemon_cache import Knowledge
from mien_tray.icon_image import look_of
from mien_tray.menu import Action, Verb, menu, title, why_label
from mien_tray.notices import Happened, happened, sentences
from mien_tray.requests import request_for
from mien_tray.status import Daemon, Phase, Status
from mien_tray.strings import Words
from mien_tray.supervisor import Supervisor
from mien_tray.view import View

log = logging.getLogger(__name__)

SETTLE_S = 0.3  # events that come together are shown together
PAIRING_S = 2.0  # the window shuts by itself, without an event
CALL_S = 10.0  # everything the tray asks is answered from memory or a small table

OpenPage = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Said:
    """Something for the person that came up outside the loop."""

    text: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The daemon's events have ended."""

    daemon: RuntimeFile


Item = Action | Event | HungUp | Said


class Tray:
    """One loop, in a thread of its own: take what came, do it, look, show.

    Everything it knows belongs to that thread; others only put into the inbox, with `ask` and `say`.
    """

    def __init__(
        self, supervisor: Supervisor, login: Autostart, words: Words, open_page: OpenPage = webbrowser.open
    ) -> None:
        self._supervisor = supervisor
        self._login = login
        self._words = words
        self._open_page = open_page
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._knowledge = Knowledge()
        self._listening_to: RuntimeFile | None = None
        self._happened: list[Happened] = []
        self._unseen_failures = 0
        self._message: str | None = None
        self._at_login = login.is_on()
        self._wants_page = False
        self._status = Status(Daemon(Phase.STARTING))
        self._over = False

    def ask(self, action: Action) -> None:
        """Somebody clicked."""
        self._inbox.put(action)

    def say(self, text: str) -> None:
        """Tell the person something at the next turn."""
        self._inbox.put(Said(text))

    def open_when_ready(self) -> None:
        """Open the page as soon as there is a daemon to serve it."""
        self._wants_page = True

    def run(self, view: View) -> None:
        """Until somebody quits. An error that nobody planned for is logged, and what comes in is taken all the same."""
        while not self._over:
            for step in (self._show, self._take):
                try:
                    step(view)
                except Exception:
                    log.exception("a turn of the tray failed")
        view.stop()

    def _show(self, view: View) -> None:
        self._look(view)
        view.show(look_of(self._status), title(self._status, self._words), menu(self._status, self._words))

    # ── what comes in ──

    def _take(self, view: View) -> None:
        """The next item; after an event also those that come in the same moment."""
        try:
            item = self._inbox.get(timeout=self._pause_s())
        except Empty:
            self._knowledge.forget()
            return
        self._handle(item, view)
        settled = monotonic() + SETTLE_S
        while isinstance(item, Event) and (left := settled - monotonic()) > 0:
            try:
                item = self._inbox.get(timeout=left)
            except Empty:
                break
            self._handle(item, view)
        self._tell_what_happened(view)

    def _handle(self, item: Item, view: View) -> None:
        match item:
            case Event():
                self._knowledge.heard(item.kind)
                if (one := happened(item.kind, item.data, self._words)) is not None:
                    self._happened.append(one)
                    self._unseen_failures += one.category == "failed"
            case HungUp():
                if item.daemon == self._listening_to:
                    self._listening_to = None
            case Said():
                self._tell(view, item.text)
            case Action():
                self._knowledge.forget()
                try:
                    self._do(item)
                except MienError as error:
                    self._tell(view, self._words("refused", reason=error))

    def _do(self, action: Action) -> None:
        """What a click asks for; raises what the daemon refuses."""
        if (request := request_for(action)) is not None:
            self._client().request(request.method, request.path, request.body)
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
        """The page, let in by a code that is good once. The browser's start is waited for elsewhere."""
        url = str(self._client().request("POST", "/v1/sessions")["url"]) + (f"&view={view}" if view else "")
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

    # ── what is known ──

    def _look(self, view: View) -> None:
        """Make the status of this moment."""
        before, daemon = self._status.daemon, self._supervisor.look()
        if daemon.phase is Phase.RUNNING:
            try:
                self._listen()
                self._knowledge.refresh(self._client())
                self._status = self._knowledge.status(daemon, self._at_login, self._unseen_failures, self._message)
                self._open_if_wanted()
                return
            except Exception as error:  # noqa: BLE001 what does not answer as agreed is as good as silent
                # It may be ending; whether it is, the supervisor says at the next look.
                log.warning("the daemon did not tell how it is: %r", error)
                daemon = Daemon(Phase.SILENT)
        self._status = Status(daemon, at_login=self._at_login, message=self._message)
        if daemon.phase is Phase.FAILED and before.phase is not Phase.FAILED:
            self._tell(view, why_label(daemon, self._words))

    def _open_if_wanted(self) -> None:
        if self._wants_page:
            self._wants_page = False
            self._open("")

    def _pause_s(self) -> float:
        """How long nothing can change without something coming in."""
        if self._status.daemon.phase is Phase.SILENT:
            return 1.0
        if self._status.daemon.phase is Phase.RUNNING and self._status.pairing.open:
            return PAIRING_S
        return self._supervisor.due_in_s

    def _listen(self) -> None:
        """Have the daemon's events put into the inbox, from a thread that ends with it."""
        found = self._supervisor.running
        if found is None or found == self._listening_to:
            return
        self._listening_to = found
        self._knowledge.forget()

        def listen() -> None:
            try:
                for event in DaemonClient(found.port, found.token).events():
                    self._inbox.put(event)
            except MienError:
                pass
            self._inbox.put(HungUp(found))

        threading.Thread(target=listen, name="daemon events", daemon=True).start()

    def _client(self) -> DaemonClient:
        found = self._supervisor.running
        if found is None:
            raise DaemonUnreachable(self._words("state_stopped"))
        return DaemonClient(found.port, found.token, CALL_S)

    # ── what is said ──

    def _tell_what_happened(self, view: View) -> None:
        for category, sentence in sentences(self._happened, self._words):
            if self._status.notify[category]:
                self._tell(view, sentence)
        self._happened.clear()

    def _tell(self, view: View, text: str) -> None:
        """A notification; the menu keeps what could not be shown as one."""
        self._message = None if view.notify("Mien", text) else text
