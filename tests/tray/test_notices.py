"""A notification is for what a person waits for, and a hundred of a kind are one."""

from collections.abc import Mapping
from typing import Any

import pytest

from mien_testing.done_jobs import describe_done
from mien_tray.menu import Action, Entry, Verb
from mien_tray.notices import Message, Notice, read_notice, to_messages
from mien_tray.status import PairingSummary
from mien_tray.strings import Words

WORDS = Words()
PROBLEM = {"code": "no-face-found", "title": "No face was found in a picture", "detail": "the target shows none"}


def download(state: str, **more: object) -> dict[str, object]:
    return {"action": "download", "name": "iris", "state": state, "problem": None, **more}


EVENTS: dict[str, tuple[str, Mapping[str, Any], Notice | None]] = {
    "a job is done": ("job", {"id": "a1", "state": "done", "problem": None}, Notice("finished", job="a1")),
    "a job has failed": (
        "job",
        {"state": "failed", "problem": PROBLEM},
        Notice("failed", reason="No face was found in the picture."),
    ),
    "a clip was looked at": ("job", describe_done("a1", kind="analyse"), None),
    "a swap is done, in the daemon's own words": ("job", describe_done("a1"), Notice("finished", job="a1")),
    "a job was cancelled by the person": ("job", {"state": "cancelled", "problem": None}, None),
    "a job goes on": ("job", {"state": "running", "problem": None}, None),
    "a browser shows its digits": (
        "pairing",
        {"open": True, "state": "shown", "name": "Firefox"},
        Notice("pairing", name="Firefox"),
    ),
    "the window opens": ("pairing", {"open": True, "state": None, "name": None}, None),
    "a model has come": ("download", download("done"), Notice("downloads", name="iris")),
    "a model did not come": (
        "download",
        download("failed", problem={"code": "of-the-future", "title": "Something new"}),
        Notice("downloads", name="iris", reason="Something new"),
    ),
    "a model was paused": ("download", download("paused"), None),
    "a model was verified": ("download", {**download("done"), "action": "verify"}, None),
    "a model was removed": ("download", {"action": "remove", "name": "iris", "state": "done"}, None),
    "something of another version": ("of-the-future", {}, None),
}


@pytest.mark.parametrize(("kind", "data", "expected"), EVENTS.values(), ids=EVENTS)
def test_an_event_is_worth_a_notification_or_not(kind: str, data: Mapping[str, Any], expected: Notice | None) -> None:
    assert read_notice(kind, data, WORDS, {}) == expected


def test_one_job_is_told_by_its_name() -> None:
    done = {"id": "a1", "state": "done", "references": [["ref:f1"]], "label": {"target": "a.jpg", "references": [None]}}
    failed = {**done, "state": "failed", "problem": PROBLEM}
    said = []
    for data in (done, failed):
        notice = read_notice("job", data, WORDS, {"ref:f1": "Eileen"})
        assert notice
        said += [message.text for message in to_messages([notice], PairingSummary(), WORDS)]
    assert said == ["Done: Eileen → a.jpg", "Failed: Eileen → a.jpg. No face was found in the picture."]


def test_a_problem_is_said_in_the_persons_language() -> None:
    failed = read_notice("job", {"state": "failed", "problem": PROBLEM}, Words("de"), {})
    assert failed == Notice("failed", reason="Im Bild wurde kein Gesicht gefunden.")


SHOW = Words()("show")


def test_a_batch_is_one_message_for_each_kind_and_leads_to_the_list() -> None:
    batch = [Notice("finished", job="a")] * 60 + [Notice("failed", reason="x")] * 2 + [Notice("downloads", name="iris")]
    assert list(to_messages(batch, PairingSummary(), WORDS)) == [
        Message("finished", "60 jobs are done", buttons=(Entry(SHOW, Action(Verb.OPEN, "results")),)),
        Message("failed", "2 jobs have failed", buttons=(Entry(SHOW, Action(Verb.OPEN, "jobs")),)),
        Message("downloads", "iris has been downloaded"),
    ]


def test_one_of_a_kind_says_what_it_is_and_shows_it() -> None:
    alone = [Notice("finished", job="a1"), Notice("failed", reason="The disk is too full", job="b2")]
    assert list(to_messages(alone, PairingSummary(), WORDS)) == [
        Message("finished", "A job is done", "a1", (Entry(SHOW, Action(Verb.OPEN, "results/a1")),)),
        Message(
            "failed",
            "A job has failed: The disk is too full",
            "b2",
            (Entry(SHOW, Action(Verb.OPEN, "jobs/b2")),),
        ),
    ]


def test_a_browser_at_the_door_is_let_in_or_not_where_its_digits_are_said() -> None:
    """A click on the notification itself, which is the first button, lets nothing in."""
    asked = PairingSummary(open=True, id="p1", name="Firefox", digits="123456")
    (said,) = to_messages([Notice("pairing", name="Firefox")], asked, WORDS)
    assert said.text == "Firefox asks to be paired. It must show 123 456."
    verbs = [button.action and button.action.verb for button in said.buttons]
    assert verbs == [Verb.OPEN, Verb.APPROVE, Verb.REFUSE]
    (unknown,) = to_messages([Notice("pairing", name="Firefox")], PairingSummary(), WORDS)
    assert (unknown.text, unknown.buttons) == ("Firefox asks to be paired. Compare the digits in the menu.", ())
