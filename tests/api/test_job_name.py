"""A job is called by people and files, and its result is saved under a name that every system takes."""

import pytest

from mien_api.job_name import LONGEST_BYTES, name_file, name_job

PEOPLE = {"ref:f1": "Eileen"}


@pytest.mark.parametrize(
    ("references", "label", "name"),
    [
        ([["ref:f1"]], {"target": "holiday.jpg", "references": [None]}, "Eileen → holiday.jpg"),
        (
            [["ref:f1", "ref:f2"], ["sha256:0f"]],
            {"target": "a.jpg", "references": [None, "Ben.png"]},
            "Eileen, Ben → a.jpg",
        ),
        ([["ref:gone"]], {"target": "a.jpg", "references": [None]}, "a.jpg"),
        ([["ref:f1"]], None, "Eileen"),
        ([], {"target": "a.jpg", "references": []}, "a.jpg"),
        ([["sha256:0f"]], None, ""),
    ],
)
def test_a_job_is_called_by_whose_face_goes_into_which_picture(references: object, label: object, name: str) -> None:
    assert name_job({"references": references, "label": label}, PEOPLE) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Eileen → holiday.jpg", "Eileen - holiday"),
        ("Zoë → Straße 1.2.heic", "Zoë - Straße 1.2"),
        ('a/b\\c:d*?"<>|', "a_b_c_d______"),
        ("Eileen → ..", "Eileen -"),
        ("con.jpg", "_con"),
        ("a\r\nb", "a__b"),
        ("a\ud800b", "a_b"),
        ("", ""),
    ],
)
def test_a_file_has_a_name_that_every_system_takes(name: str, file: str) -> None:
    assert name_file(name) == file


@pytest.mark.parametrize(
    ("letter", "count"), [("x", LONGEST_BYTES), ("顔", LONGEST_BYTES // 3), ("😀", LONGEST_BYTES // 4)]
)
def test_a_file_s_name_is_cut_between_characters_where_it_has_too_many_bytes(letter: str, count: int) -> None:
    """A file system counts bytes, and 120 letters of a Japanese name have 360."""
    assert name_file(letter * 300) == letter * count
