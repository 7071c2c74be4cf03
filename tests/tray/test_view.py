"""Without an icon, what changes is one line on the terminal and what goes on is none."""

import threading

from mien_tray.icon_image import IconState, Symbol
from mien_tray.view import Terminal


def test_a_line_is_written_when_the_symbol_changes_and_not_for_every_per_cent() -> None:
    written: list[str] = []
    view = Terminal(written.append)
    for percent in (0, 5, 10):
        view.show(IconState(Symbol.BUSY, percent), f"Mien · {percent} %", ())
    view.show(IconState(Symbol.IDLE), "Mien · Idle", ())
    assert written == ["Mien · 0 %\n", "Mien · Idle\n"]


def test_a_notification_is_a_line_that_a_person_can_have_seen() -> None:
    written: list[str] = []
    assert Terminal(written.append).notify("Mien", "A job is done") is True
    assert written == ["Mien: A job is done\n"]


def test_it_holds_its_thread_until_it_is_stopped() -> None:
    view = Terminal(lambda _: None)
    thread = threading.Thread(target=view.run)
    thread.start()
    assert thread.is_alive()
    view.stop()
    thread.join(20)
    assert not thread.is_alive()
