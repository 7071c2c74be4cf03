"""`mien forget-all` asks a person, believes a script, and proves that nothing is left."""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def kept(folders: Path) -> Path:
    """A state folder with a result in it."""
    result = folders / "state" / "results" / "ab" / "a.png"
    result.parent.mkdir(parents=True)
    result.write_bytes(bytes(2_000))
    return result


def test_a_person_who_does_not_agree_keeps_everything(
    kept: Path, run_text: Callable[..., Any], type_in: Callable[[str], None]
) -> None:
    type_in("n\n")
    printed = run_text("forget-all")
    assert (printed.status, printed.out) == (0, "nothing was removed\n")
    assert "Remove all of this for good? [y/N]" in printed.err
    assert kept.exists()


def test_a_person_who_agrees_is_told_what_went_and_what_is_left(
    kept: Path, run_text: Callable[..., Any], type_in: Callable[[str], None]
) -> None:
    type_in("y\n")
    printed = run_text("forget-all")
    assert printed.status == 0
    assert printed.out.endswith("looked again: nothing left\n")
    assert not kept.exists()


def test_a_script_is_not_asked(kept: Path, run_text: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO())
    printed = run_text("forget-all")
    assert "[y/N]" not in printed.err
    assert not kept.exists()


def test_the_document_counts_what_went_and_lists_what_is_left(kept: Path, run_json: Callable[..., Any]) -> None:
    status, document = run_json("forget-all", "--yes")
    assert (status, document["remaining"]) == (0, [])
    assert document["removed"]["files"] >= 1
    assert document["removed"]["bytes"] >= 2_000
    assert not kept.exists()
