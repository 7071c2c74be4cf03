"""A string is found in the person's language, and each user interface gets its own."""

import pytest

from mien_core.languages import LANGUAGES, choose_language, collect, load, look_up


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
    assert choose_language(environ) == language


def test_a_string_is_looked_up_in_its_language() -> None:
    assert (
        look_up("warnings", "small-face", "de")
        == "Das Gesicht oder die Vorlage ist sehr klein oder unscharf. Ein größeres, schärferes Bild gibt mehr davon."
    )
    assert (
        look_up("warnings", "small-face")
        == "The face, or the reference, is very small or out of focus. A larger, sharper picture gives more of it."
    )


def test_a_string_that_a_language_lacks_is_english() -> None:
    """Japanese has no singular form of its own."""
    assert look_up("console", "swap_all_one", "ja") == load("en")["console"]["swap_all_one"]


def test_the_console_adds_what_to_do_and_the_tray_does_not() -> None:
    console, tray = collect("console", "en"), collect("tray", "en")
    assert console["problem_disk_full"] == "The disk is too full. Make some room and try again."
    assert tray["problem_disk_full"] == "The disk is too full."


def test_the_extension_adds_what_to_do_where_it_has_no_button_for_it() -> None:
    extension = collect("extension", "en")
    assert extension["problem_no_face_found"] == load("en")["problems"]["no-face-found"]
    assert extension["problem_queue_full"].endswith(load("en")["advice"]["queue-full"])


def test_a_user_interfaces_own_string_wins_over_the_shared_one() -> None:
    assert collect("console", "en")["problem_unpaired"] == load("en")["console"]["problem_unpaired"]
    assert collect("tray", "en")["problem_unpaired"] == load("en")["problems"]["unpaired"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_joined_as_the_language_writes_them(language: str) -> None:
    said = collect("console", language)["problem_disk_full"]
    assert ("。" in said and "。 " not in said) if language in {"ja", "zh_CN"} else ". " in said


def test_stages_go_where_progress_is_worded() -> None:
    assert "stage_check_result" in collect("console", "en")
    assert "stage_check_result" in collect("extension", "en")
    assert not [key for key in collect("tray", "en") if key.startswith("stage_")]
