"""The names of a job's pictures: in one line, as they are written, and none of a person of the library."""

import pytest

from mien_daemon.jobs.label import MOST_CHARACTERS, JobLabel, clean_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("/home/ada/Pictures/holiday.jpg", "holiday.jpg"),
        ("C:\\Users\\ada\\holiday.jpg", "holiday.jpg"),
        ("two\nlines \t and\x00 more", "two lines and more"),
        ("gpj.\u202eexe", "gpj. exe"),
        ("\ud83d broken", "broken"),
        ("さくら 🌸.png", "さくら 🌸.png"),
        ("x" * 400, "x" * MOST_CHARACTERS),
        ("  /", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_a_name_is_one_line_without_its_folder_or_anything_unseen(given: object, kept: str | None) -> None:
    assert clean_name(given) == kept


def test_people_without_a_name_keep_their_place() -> None:
    label = JobLabel.read({"target": None, "references": [None, "ben.png"]})
    assert label is not None
    assert label.describe() == {"target": None, "references": [None, "ben.png"]}


@pytest.mark.parametrize("document", [{}, {"target": " "}, {"references": [None, ""]}, {"references": 7}])
def test_without_any_name_there_is_no_label(document: dict[str, object]) -> None:
    assert JobLabel.read(document) is None
