"""A notification is for what a person waits for, and a hundred of a kind are one."""

from collections.abc import Mapping
from typing import Any

import pytest

from mien_tray.notices import Notice, read_notice, to_sentences
from mien_tray.strings import Words

WORDS = Words()
PROBLEM = {"code": "no-face-found", "title": "No face was found in a picture", "detail": "the target shows none"}


def download(state: str, **more: object) -> dict[str, object]:
    return {"action": "download", "name": "iris", "state": state, "problem": None, **more}


EVENTS: dict[str, tuple[str, Mapping[str, Any], Notice | None]] = {
    "a job is done": ("job", {"state": "done", "problem": None}, Notice("finished")),
    "a job has failed": (
        "job",
        {"state": "failed", "problem": PROBLEM},
        Notice("failed", reason="No face was found in the picture."),
    ),
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
    assert read_notice(kind, data, WORDS) == expected


def test_a_problem_is_said_in_the_persons_language() -> None:
    failed = read_notice("job", {"state": "failed", "problem": PROBLEM}, Words("de"))
    assert failed == Notice("failed", reason="Im Bild wurde kein Gesicht gefunden.")


def test_a_batch_is_one_sentence_for_each_kind() -> None:
    batch = [Notice("finished")] * 60 + [Notice("failed", reason="x")] * 2 + [Notice("downloads", name="iris")]
    assert list(to_sentences(batch, WORDS)) == [
        ("finished", "60 jobs are done"),
        ("failed", "2 jobs have failed"),
        ("downloads", "iris has been downloaded"),
    ]


def test_one_of_a_kind_says_what_it_is() -> None:
    alone = [Notice("failed", reason="The disk is too full"), Notice("pairing", name="Firefox")]
    assert list(to_sentences(alone, WORDS)) == [
        ("failed", "A job has failed: The disk is too full"),
        ("pairing", "Firefox asks to be paired. Compare the digits in the menu."),
    ]
