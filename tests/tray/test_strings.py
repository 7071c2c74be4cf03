"""Every language says everything, with the same things in its braces, and nothing is said that no one uses."""

import ast
import re
import string
from pathlib import Path

import pytest

from mien_api.problems import PROBLEMS
from mien_tray import __file__ as package
from mien_tray.strings import FALLBACK, LANGUAGES, Words, language_of, load

TRAY = Path(package).parent
EXTENSION = TRAY.parents[1] / "extension/_locales"
# Prefixes that the code puts a state, a kind, a category or a problem's code behind.
MADE_UP = ("state_", "kind_", "notify_", "said_", "why_", "problem_")


def braces(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def literals() -> set[str]:
    """Every string literal of the tray's code, the constant parts of f-strings included."""
    return {
        node.value
        for path in TRAY.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_languages_are_those_of_the_extension() -> None:
    assert set(LANGUAGES) == {folder.name for folder in EXTENSION.iterdir() if folder.is_dir()}
    assert {path.stem for path in (TRAY / "assets/strings").glob("*.json")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_string_with_the_same_braces(language: str) -> None:
    english, own = load(FALLBACK), load(language)
    assert list(own) == list(english)
    assert {key: braces(text) for key, text in own.items()} == {key: braces(text) for key, text in english.items()}
    assert all(text.strip() == text and text for text in own.values())


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != FALLBACK])
def test_a_language_is_translated(language: str) -> None:
    """Only lines that are all name and number may be the same as in English."""
    english, own = load(FALLBACK), load(language)
    same = {key for key in english if own[key] == english[key]}
    assert {re.sub(r"\{\w+\}|[\W\d]", "", english[key]) for key in same} <= {"", "Notifications"}


def test_every_string_is_used() -> None:
    used = literals()
    unused = {key for key in load(FALLBACK) if key not in used and not key.startswith(MADE_UP)}
    assert not unused


def test_words_for_problems_are_of_problems_that_exist() -> None:
    codes = {kind.code for kind in PROBLEMS} | {"internal-error"}
    worded = {key.removeprefix("problem_").replace("_", "-") for key in load(FALLBACK) if key.startswith("problem_")}
    assert worded <= codes


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8"}, "zh_CN"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_FR@euro"}, "fr"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "nb:es:de"}, "es"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, "en"),
        ({"LANG": "nb_NO.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_persons_language_is_taken_as_gettext_would(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def test_words_fill_their_braces() -> None:
    assert Words("de")("state_busy", running=1, queued=2) == "In Arbeit: 1, wartend: 2"
