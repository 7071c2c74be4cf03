"""What a command prints: its answer alone on stdout, in the form that was asked for; all else on stderr."""

import json
import sys
from argparse import Namespace
from io import StringIO

import pytest

from mien_cli.output import confirm, print_answer, print_note, to_json

DOCUMENT = {"name": "Zoë", "count": 2}


def test_the_answer_is_text_for_a_person_and_one_document_for_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_answer(Namespace(json=False), DOCUMENT, "two of Zoë") == 0
    assert capsys.readouterr() == ("two of Zoë\n", "")
    assert print_answer(Namespace(json=True), DOCUMENT, "two of Zoë") == 0
    assert json.loads(capsys.readouterr().out) == DOCUMENT


def test_a_document_keeps_the_letters_of_every_language() -> None:
    assert "Zoë" in to_json(DOCUMENT)


def test_a_note_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_note("fetching")
    assert capsys.readouterr() == ("", "fetching\n")


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False), ("yy\n", False)]
)
def test_only_a_clear_yes_is_one(
    typed: str, agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(typed))
    assert confirm("Sure?") is agreed
    assert capsys.readouterr() == ("", "Sure? [y/N] ")
