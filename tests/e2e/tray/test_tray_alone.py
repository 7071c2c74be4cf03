"""The tray where something is missing: it says what it does instead, and goes on looking after the daemon."""

import os
import signal
import subprocess

import pytest

from mien_testing.desktop import BROKEN_SERVICE, Desk, swap
from mien_testing.panel import NOTIFICATIONS, WAIT_S, Panel, until


def ends_well(tray: subprocess.Popen[bytes]) -> bool:
    tray.send_signal(signal.SIGTERM)
    return tray.wait(WAIT_S) == 0


def test_without_a_screen_it_says_so_and_keeps_the_daemon_running(desk: Desk) -> None:
    del desk.environ["DISPLAY"]
    tray = desk.tray()
    first = desk.daemon_pid
    until(lambda: "There is no screen" in desk.log, "the reason")
    os.kill(first, signal.SIGKILL)
    until(lambda: (pid := desk.daemon_pid) != first and desk.ready(pid), "a daemon that was started again")
    assert desk.opened == []
    assert ends_well(tray)


def test_a_screen_that_is_gone_is_no_screen(desk: Desk) -> None:
    desk.environ["DISPLAY"] = ":4242"
    tray = desk.tray()
    until(lambda: "There is no screen" in desk.log, "the reason")
    assert desk.daemon()
    assert ends_well(tray)


def test_where_icons_have_no_menu_it_says_so_and_opens_the_page(desk: Desk) -> None:
    desk.environ["PYSTRAY_BACKEND"] = "xorg"
    tray = desk.tray()
    url = until(lambda: desk.opened, "a browser that was started")[0]
    assert url.startswith(f"http://127.0.0.1:{desk.daemon().port}/#code=")
    assert "has no menus" in desk.log
    assert ends_well(tray)


def test_where_nothing_shows_icons_it_says_so_and_opens_the_page(desk: Desk) -> None:
    tray = desk.tray()
    until(lambda: desk.opened, "a browser that was started")
    assert "shows no tray icons" in desk.log
    assert ends_well(tray)


def test_an_icon_appears_when_a_panel_comes_later(desk: Desk) -> None:
    tray = desk.tray()
    until(lambda: "shows no tray icons" in desk.log, "the reason")
    late = Panel(desk.environ["DBUS_SESSION_BUS_ADDRESS"])
    until(lambda: late.title() == "Mien · Idle", "an idle tray")
    late.close()
    assert ends_well(tray)


def test_without_a_session_bus_it_goes_on(desk: Desk) -> None:
    del desk.environ["DBUS_SESSION_BUS_ADDRESS"]
    desk.environ["XDG_RUNTIME_DIR"] = str(desk.home)
    tray = desk.tray("--at-login")
    assert desk.daemon()
    assert ends_well(tray)


@pytest.mark.parametrize("service", [None, BROKEN_SERVICE], ids=["none", "broken"])
def test_without_a_notification_service_the_menu_keeps_the_message(desk: Desk, service: str | None) -> None:
    """A service that cannot start would end pystray's own icon."""
    if service is not None:
        (desk.home / "services" / f"{NOTIFICATIONS}.service").write_text(service, encoding="utf-8")
    panel = Panel(desk.environ["DBUS_SESSION_BUS_ADDRESS"], notifies=False)
    daemon = desk.obedient_daemon()
    tray = desk.tray()
    until(lambda: panel.title() == "Mien · Idle", "an idle tray")
    swap(daemon)
    panel.line("Last message: A job is done")
    panel.close()
    assert ends_well(tray)
