"""What results are called: a pattern that is safe everywhere, and a name of its own for every input."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_cli.batch.names import DEFAULT, NamePattern, ResultNames, clean_label
from mien_core.errors import InvalidOptions

VALUES = {"name": "holiday", "face": "me", "engine": "mesh", "number": "0007"}
OUT = Path("out")


def first(names: ResultNames, name: str, suffix: str = ".jpg") -> str:
    reserved = names.reserve(OUT, VALUES | {"name": name}, suffix)
    return next(path for _, path in names.list_names(reserved, suffix)).name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (DEFAULT, "holiday-me"),
        ("{number}_{name} by {engine}", "0007_holiday by mesh"),
        ("{{{name}}}", "{holiday}"),
    ],
)
def test_a_pattern_is_filled(pattern: str, name: str) -> None:
    assert NamePattern.parse(pattern).fill(VALUES, 1) == name


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "",
            "{n}",
            "result",
            "../{name}",
            "a/{name}",
            "a\\{name}",
            "/{name}",
            ".{name}",
            " {name}",
            "{name}\0",
            "{name}:x",
        ),
        *("{other}", "{0}", "{name!r}", "{name:>9}", "{name.__class__}", "{name[0]}", "{name", "{}", "{name}\n"),
    ],
)
def test_a_pattern_that_is_not_safe_in_a_name_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        NamePattern.parse(pattern)
    assert refused.value.fields["field"] == "name"


def test_names_that_would_be_the_same_are_numbered_in_order() -> None:
    """Capital letters and the form of an accent make no other name on many file systems."""
    names = ResultNames(NamePattern.parse(DEFAULT))
    made = [first(names, name) for name in ("a", "A", "é", "e\u0301", "a-me")]
    assert made == ["a-me.jpg", "A-me-2.jpg", "é-me.jpg", "e\u0301-me-2.jpg", "a-me-me.jpg"]
    assert first(names, "a", ".png") == "a-me.png"


def test_a_pattern_without_a_number_gets_it_at_its_end() -> None:
    names = ResultNames(NamePattern.parse("{face}"))
    assert [first(names, name) for name in ("a", "b", "c")] == ["me.jpg", "me-2.jpg", "me-3.jpg"]


def test_long_names_fit_and_differ() -> None:
    names = ResultNames(NamePattern.parse(DEFAULT))
    made = [first(names, "あ" * 84 + tail) for tail in "xyz"]
    assert len(set(made)) == 3
    assert all(len(name.encode()) <= 255 and name.endswith(".jpg") for name in made)


def test_a_name_that_means_a_device_is_none() -> None:
    assert NamePattern.parse("{face}").fill({"face": "con"}, 1) == "_con"


@given(st.text())
def test_a_label_leads_nowhere(text: str) -> None:
    label = clean_label(text)
    assert label
    assert not set(label) & set('<>:"/\\|?*\0\n')
    assert not label.startswith(".")
