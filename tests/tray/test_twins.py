"""Whoever has no panel, or a script, can do all that the menu does."""

import pytest

from mien_cli.main import build_parser
from mien_tray.menu import Verb

# A download is paused by the keys that end any command; the window for pairing is shut by `mien pair` itself.
COMMANDS: dict[Verb, tuple[str, ...]] = {
    Verb.OPEN: ("open",),
    Verb.CANCEL: ("jobs", "cancel", "0123"),
    Verb.PAUSE: ("jobs", "pause"),
    Verb.DOWNLOAD: ("models", "pull", "starter"),
    Verb.PAUSE_DOWNLOAD: ("models", "pull", "starter"),
    Verb.PAIR: ("pair",),
    Verb.CLOSE_PAIRING: ("pair",),
    Verb.APPROVE: ("pair",),
    Verb.REFUSE: ("pair",),
    Verb.UNLOAD: ("jobs", "unload"),
    Verb.RESTART_WORKER: ("jobs", "restart"),
    Verb.NOTIFY: ("tray", "--notify-finished", "off"),
    Verb.LOGIN: ("tray", "--start-at-login", "on"),
    Verb.START: ("serve",),
    Verb.QUIT: ("tray", "--quit"),
    Verb.QUIT_ALL: ("tray", "--quit-all"),
}


@pytest.mark.parametrize("verb", Verb)
def test_every_click_has_a_command(verb: Verb) -> None:
    words = COMMANDS[verb]
    assert callable(build_parser(words[0]).parse_args(words).run)
