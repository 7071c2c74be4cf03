"""The tray speaks the person's language and fills in what it knows."""

from mien_tray.strings import Words


def test_words_fill_their_braces() -> None:
    assert Words("de")("state_busy", running=1, queued=2) == "In Arbeit: 1, wartend: 2"


def test_a_key_without_words_is_known_to_be_one() -> None:
    words = Words()
    assert words.knows("problem_disk_full")
    assert not words.knows("problem_of_the_future")
