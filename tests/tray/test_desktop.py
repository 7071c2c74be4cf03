"""What a Linux desktop lacks is told by its reason before anything of GTK is loaded."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from mien_tray import desktop
from mien_tray.desktop import NoTray, choose_backend, is_built_for_this_python


def test_without_a_screen_there_is_no_icon() -> None:
    with pytest.raises(NoTray) as refused:
        choose_backend({})
    assert refused.value.key == "no_screen"


def test_an_icon_that_would_have_no_menu_is_refused() -> None:
    with pytest.raises(NoTray) as refused:
        choose_backend({"DISPLAY": ":0", "PYSTRAY_BACKEND": "xorg"})
    assert refused.value.key == "no_menu"


def test_without_pygobject_the_reason_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop, "SYSTEM_FOLDERS", (tmp_path,))
    monkeypatch.delitem(sys.modules, "gi", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("GDK_GL", "disable")
    with pytest.raises(NoTray, match="python3-gi") as refused:
        choose_backend({"WAYLAND_DISPLAY": "wayland-0"})
    assert refused.value.key == "no_menu"


def test_a_copy_of_pygobject_is_taken_only_when_it_was_built_for_this_python(tmp_path: Path) -> None:
    (tmp_path / "_gi.cpython-20-x86_64-linux-gnu.so").touch()
    assert not is_built_for_this_python(tmp_path)
    (tmp_path / f"_gi{EXTENSION_SUFFIXES[0]}").touch()
    assert is_built_for_this_python(tmp_path)
