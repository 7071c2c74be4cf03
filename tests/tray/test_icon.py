"""Where there can be no icon the tray is told why, and goes on without."""

import sys

import pytest

from mien_tray import desktop
from mien_tray.icon import open_icon


@pytest.mark.parametrize("linux", [True, False])
def test_without_pystray_there_is_no_icon_and_it_is_said_why(linux: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop, "is_linux", lambda: linux)
    monkeypatch.setattr(desktop, "choose_backend", lambda: "gtk")
    monkeypatch.setenv("PYSTRAY_BACKEND", "dummy")
    for name in ("pystray", "pystray._util", "pystray._util.notify_dbus"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(desktop.NoTray, match="pystray") as refused:
        open_icon(lambda _: None)
    assert refused.value.key == "no_menu"
