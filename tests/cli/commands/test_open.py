"""`mien open`: the page opens with a one-time code, and its address is printed only where no browser took it."""

import webbrowser
from collections.abc import Callable
from typing import Any

import pytest

from mien_testing.scripted_daemon import ScriptedDaemon
from mien_testing.stand_in import returning

SESSION = {"url": "http://127.0.0.1:6436/#code=abc", "code": "abc"}


@pytest.fixture
def opened(scripted: ScriptedDaemon, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was given."""
    scripted.answers["POST /v1/sessions"] = SESSION
    given: list[str] = []

    def take(url: str) -> bool:
        given.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", take)
    return given


def test_the_browser_gets_the_address_and_the_terminal_does_not(
    opened: list[str], run_json: Callable[..., Any]
) -> None:
    assert run_json("open") == (0, {"opened": True})
    assert opened == [SESSION["url"]]


def test_printing_opens_no_browser(opened: list[str], run_text: Callable[..., Any]) -> None:
    assert run_text("open", "--print").out == SESSION["url"] + "\n"
    assert opened == []


def test_where_no_browser_opens_the_address_is_printed(
    opened: list[str], run_text: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", returning(False))
    printed = run_text("open")
    assert (printed.status, printed.out) == (0, SESSION["url"] + "\n")
    assert "No browser could be opened" in printed.err
