"""`mien pair`: a browser is approved only by a clear yes, and the window is closed when anything goes wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from mien_testing.scripted_daemon import ScriptedDaemon

WAITING = {"state": None, "seconds_left": 119, "revision": 4, "id": None}
SHOWN = {"state": "shown", "id": "p1", "name": "Firefox", "origin": "moz-extension://x", "digits": "012345"}


@pytest.fixture
def asked(scripted: ScriptedDaemon) -> ScriptedDaemon:
    """A daemon whose window a browser comes to after one wait."""
    scripted.answers = {
        "GET /v1/pair/window": WAITING,
        "GET /v1/pair/window?wait=20&seen=4": SHOWN,
        "POST /v1/pair/p1/approve": {"client": "c1"},
    }
    return scripted


def requests(daemon: ScriptedDaemon) -> list[str]:
    return [f"{each.method} {each.path}" for each in daemon.asked]


@pytest.mark.parametrize("yes", ["y", "YES", " yes "])
def test_the_digits_are_shown_in_two_groups_and_a_yes_approves(
    yes: str, asked: ScriptedDaemon, run_text: Callable[..., Any], type_in: Callable[[str], None]
) -> None:
    type_in(yes + "\n")
    printed = run_text("pair")
    assert (printed.status, printed.out) == (0, "paired: Firefox\n")
    assert "\n    012 345\n" in printed.err
    assert requests(asked)[-1] == "POST /v1/pair/p1/approve"


@pytest.mark.parametrize("answer", ["n\n", "\n", "yess\n", ""])
def test_anything_but_a_yes_refuses_and_grants_nothing(
    answer: str, asked: ScriptedDaemon, run_json: Callable[..., Any], type_in: Callable[[str], None]
) -> None:
    type_in(answer)
    assert run_json("pair") == (1, {"client": None, "name": "Firefox", "scopes": []})
    assert requests(asked)[-1] == "POST /v1/pair/p1/refuse"


def test_when_no_browser_comes_that_is_a_refusal_and_the_window_is_closed(
    scripted: ScriptedDaemon, run_json: Callable[..., Any]
) -> None:
    scripted.answers["GET /v1/pair/window"] = {**WAITING, "seconds_left": 0}
    status, problem = run_json("pair")
    assert (status, problem["code"]) == (1, "pairing-closed")
    assert requests(scripted)[-1] == "DELETE /v1/pair/window"


def test_an_interrupt_closes_the_window(
    asked: ScriptedDaemon, run_text: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien_cli.output.confirm", interrupt)
    assert run_text("pair").status == 130
    assert requests(asked)[-1] == "DELETE /v1/pair/window"
