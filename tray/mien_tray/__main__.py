"""`python -m mien_tray`: the tray. `mien tray` runs the same and prints as every command does."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mien_api import runtime_file
from mien_api.errors import AlreadyRunning
from mien_api.folders import Folders
from mien_api.runtime_file import RuntimeFile
from mien_core.languages import choose_language
from mien_tray.app import Tray
from mien_tray.autostart import choose_autostart
from mien_tray.desktop import NoTray, has_tray_host, is_linux
from mien_tray.icon import open_icon
from mien_tray.menu import Action, Verb
from mien_tray.strings import Words
from mien_tray.supervisor import Supervisor
from mien_tray.view import Terminal, View

OWN_FOLDER = "tray"  # in the state folder; locked while a tray runs, so that only one does
END_S = 15.0
HOST_WAIT_S = 20.0  # after a login the panel may start later than the tray


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="mien tray", description="The tray app: starts and watches the daemon.")
    parser.add_argument("--state-dir", metavar="DIR")
    parser.add_argument("--models-dir", metavar="DIR")
    parser.add_argument("--at-login", action="store_true", help="started by the session: open no page by itself")
    args = parser.parse_args(argv)
    try:
        return run(args.state_dir, args.models_dir, at_login=args.at_login)
    except AlreadyRunning as error:
        sys.stderr.write(f"mien: {error}\n")
        return 1


def run(state_dir: str | None, models_dir: str | None, *, at_login: bool) -> int:
    """Run the tray until it is quit.

    Raises:
        AlreadyRunning: a tray runs on this state folder.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Without TERM, `webbrowser` tries no text browser, which would block until it is closed.
    os.environ.pop("TERM", None)
    folders = Folders.find(state_dir, models_dir)
    with hold_tray_lock(folders.state):
        words = Words(choose_language())
        tray = Tray(Supervisor(folders), choose_autostart(build_folder_flags(state_dir, models_dir)), words)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: tray.ask(Action(Verb.QUIT)))
        view = open_view(tray, words, at_login=at_login)
        loop = threading.Thread(target=tray.run, args=[view], name="tray")
        loop.start()
        view.run()
        loop.join()
    return 0


@contextmanager
def hold_tray_lock(state: Path) -> Generator[None]:
    """Lock the tray's folder in the state folder, and write this process's id there.

    Raises:
        AlreadyRunning: another tray holds it.
    """
    own = state / OWN_FOLDER
    with ExitStack() as stack:
        try:
            stack.enter_context(runtime_file.held(own))
        except AlreadyRunning as error:
            raise AlreadyRunning("a tray is already running on this state folder", state_dir=str(state)) from error
        runtime_file.write(own, RuntimeFile(port=0, pid=os.getpid(), version="", token=""))
        stack.callback(runtime_file.remove, own)
        yield


def end_tray(state: Path) -> bool:
    """Ask the tray on this state folder to end and wait; whether none runs any more."""
    own = state / OWN_FOLDER
    if (found := runtime_file.read(own)) is not None:
        os.kill(found.pid, signal.SIGTERM)
    until = time.monotonic() + END_S
    while runtime_file.is_held(own) and time.monotonic() < until:
        time.sleep(0.02)
    return not runtime_file.is_held(own)


def open_view(tray: Tray, words: Words, *, at_login: bool) -> View:
    """The icon. Where it is impossible: a terminal, the reason on stderr, and the page if there is a screen."""
    try:
        icon = open_icon(tray.ask)
    except NoTray as error:
        sys.stderr.write(words(error.key, reason=error) + "\n")
        if error.key == "no_menu" and not at_login:
            tray.open_when_ready()
        return Terminal()
    if is_linux():
        threading.Thread(target=warn_without_host, args=[tray, words, at_login], name="tray host", daemon=True).start()
    return icon


def warn_without_host(tray: Tray, words: Words, at_login: bool) -> None:
    """Say so, and open the page, when no panel shows the icon."""
    if at_login:
        threading.Event().wait(HOST_WAIT_S)
    if has_tray_host():
        return
    sys.stderr.write(words("no_host") + "\n")
    tray.say(words("no_host"))
    if not at_login:
        tray.open_when_ready()


def build_folder_flags(state_dir: str | None, models_dir: str | None) -> list[str]:
    """The flags that a start at login needs, because it has neither these flags nor this environment."""
    state, models = state_dir or os.environ.get("MIEN_STATE_DIR"), models_dir or os.environ.get("MIEN_MODELS_DIR")
    named = {"--state-dir": state, "--models-dir": models}
    return [word for flag, folder in named.items() if folder for word in (flag, str(Path(folder).absolute()))]


if __name__ == "__main__":
    sys.exit(main())
