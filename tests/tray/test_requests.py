"""A click is one request, or none where the tray does it by itself."""

import pytest

from mien_tray.menu import Action, Verb
from mien_tray.requests import Request, build_request

BY_ITSELF = {Verb.OPEN, Verb.LOGIN, Verb.START, Verb.QUIT, Verb.QUIT_ALL}


@pytest.mark.parametrize("verb", Verb)
def test_every_click_is_a_request_or_is_done_by_the_tray(verb: Verb) -> None:
    assert (build_request(Action(verb, "a")) is None) == (verb in BY_ITSELF)


def test_a_name_with_a_slash_stays_one_part_of_the_path() -> None:
    assert build_request(Action(Verb.CANCEL, "a/b?c")) == Request("POST", "/v1/jobs/a%2Fb%3Fc/cancel")


def test_a_tick_asks_for_what_it_should_become() -> None:
    assert build_request(Action(Verb.PAUSE, on=True)) == Request("POST", "/v1/queue/pause")
    assert build_request(Action(Verb.PAUSE, on=False)) == Request("POST", "/v1/queue/resume")
    assert build_request(Action(Verb.NOTIFY, "failed", False)) == Request(
        "PUT", "/v1/settings", {"notify_failed": False}
    )
