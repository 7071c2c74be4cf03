"""Everything in the menu has its command, and the tray shows what a command has changed."""

from urllib.parse import urlsplit

from mien_testing.desktop import Desk, swap
from mien_testing.panel import WAIT_S, Panel, until


def test_what_the_menu_does_commands_do_too(desk: Desk, panel: Panel) -> None:
    daemon = desk.obedient_daemon()
    tray = desk.mien("tray")
    until(lambda: panel.title() == "Mien · Idle", "an idle tray")

    assert desk.told("jobs", "pause")["queue"]["paused"] is True
    waits = swap(daemon)
    panel.line("The queue is paused, waiting: 1")
    assert desk.told("jobs", "resume")["queue"]["paused"] is False
    assert daemon.wait(waits)["state"] == "done"
    assert desk.told("jobs", "unload")["worker"]["pid"] is None
    until(lambda: not panel.line("Give memory back now").enabled, "nothing left to unload")
    assert desk.told("jobs", "restart")["worker"]["state"] == "stopped"

    assert desk.told("open") == {"opened": True}
    assert urlsplit(desk.opened[0]).fragment.startswith("code=")
    invited = desk.told("open", "--print")
    assert daemon.request("POST", "/v1/session", {"code": invited["code"]})["token"]

    assert desk.told("tray", "--notify-finished", "off") == {"notify_finished": False}
    settings = {one["name"]: one["value"] for one in daemon.request("GET", "/v1/settings")["settings"]}
    assert (settings["notify_finished"], settings["notify_failed"]) == (False, True)

    assert desk.told("tray")["code"] == "already-running"
    assert desk.told("tray", "--quit-all")["ended"] == {"tray": True, "daemon": True}
    assert tray.wait(WAIT_S) == 0
    assert desk.ready() is None


def test_start_at_login_is_set_without_a_tray(desk: Desk) -> None:
    entry = desk.home / ".config/autostart/mien-tray.desktop"
    assert desk.told("tray", "--start-at-login", "on") == {"start_at_login": True}
    assert entry.exists()
    assert desk.told("tray", "--start-at-login", "off") == {"start_at_login": False}
    assert not entry.exists()
    entry.parent.rmdir()
    entry.parent.write_text("a file", encoding="utf-8")
    assert desk.told("tray", "--start-at-login", "on")["code"] == "store-not-writable"


def test_without_a_daemon_notifications_are_set_for_the_next_one(desk: Desk) -> None:
    assert desk.told("tray", "--notify-failed", "off") == {"notify_failed": False}
    settings = desk.obedient_daemon().request("GET", "/v1/settings")["settings"]
    assert next(one["value"] for one in settings if one["name"] == "notify_failed") is False


def test_ending_what_does_not_run_is_done_at_once(desk: Desk) -> None:
    assert desk.told("tray", "--quit")["ended"] == {"tray": True}
    assert desk.told("open")["code"] == "daemon-unreachable"
