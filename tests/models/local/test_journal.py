"""A journal says how far each part has come, and is believed only for the file that it is of."""

from dataclasses import replace
from pathlib import Path

import pytest

from mien_models.local.journal import Journal, Offer, bytes_done, discard, how_far, journal_path, part_bytes

MIB = 1 << 20
OFFER = Offer("https://a/w", 20 * MIB, '"one"', "Mon, 01 Jan 2026 00:00:00 GMT")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.part.journal"


@pytest.mark.parametrize(
    ("size", "step"), [(0, 8 * MIB), (256 * MIB, 8 * MIB), (320 * MIB, 10 * MIB), (1 << 40, 64 * MIB)]
)
def test_a_file_is_cut_into_parts_that_are_neither_small_nor_large(size: int, step: int) -> None:
    assert part_bytes(size) == step


@pytest.mark.parametrize(
    ("later", "changed"),
    [
        (OFFER, False),
        (replace(OFFER, size=1), True),
        (replace(OFFER, etag='"two"'), True),
        (replace(OFFER, last_modified="later"), False),  # the tag decides where there is one
        (replace(OFFER, url="https://b/w", etag='"two"'), False),  # two places may name one file differently
        (replace(OFFER, etag=None, last_modified="later"), True),
        (replace(OFFER, etag=None), False),
    ],
)
def test_an_offer_has_changed_when_its_bytes_cannot_be_gone_on_with(later: Offer, changed: bool) -> None:
    assert later.changed_from(OFFER) is changed


@pytest.mark.parametrize(
    ("offer", "validator"),
    [
        (OFFER, '"one"'),
        (replace(OFFER, etag='W/"weak"'), None),
        (replace(OFFER, etag=None), OFFER.last_modified),
        (replace(OFFER, etag=None, last_modified=None), None),
    ],
)
def test_only_a_strong_tag_or_a_time_says_that_nothing_changed(offer: Offer, validator: str | None) -> None:
    assert offer.validator == validator


def test_a_new_journal_has_nothing_and_the_last_part_may_be_short(path: Path) -> None:
    journal = Journal.open(path, OFFER, 8 * MIB)
    assert (journal.parts, journal.total(), journal.resumed) == (3, 0, False)
    assert [journal.length(part) for part in range(3)] == [8 * MIB, 8 * MIB, 4 * MIB]
    journal.close()
    assert how_far(path) == (0, 20 * MIB)


def test_what_grew_is_there_after_closing(path: Path) -> None:
    journal = Journal.open(path, OFFER, 8 * MIB)
    journal.grow(0, 5)
    journal.grow(2, 4 * MIB)
    assert journal.total() == 4 * MIB + 5
    journal.close()
    again = Journal.open(path, OFFER, MIB)
    assert (again.done(0), again.done(1), again.done(2), again.resumed) == (5, 0, 4 * MIB, True)
    assert again.step == 8 * MIB, "as it was begun"
    again.close()
    assert bytes_done(path) == 4 * MIB + 5


def test_a_killed_process_loses_a_mebibyte_of_a_part_at_most(path: Path) -> None:
    journal = Journal.open(path, OFFER, 8 * MIB)
    journal.grow(0, MIB - 1)
    assert bytes_done(path) == 0
    journal.grow(0, 1)
    assert bytes_done(path) == MIB
    journal.close()


def test_the_end_of_a_part_is_noted_at_once(path: Path) -> None:
    journal = Journal.open(path, replace(OFFER, size=3), 8 * MIB)
    journal.grow(0, 3)
    assert bytes_done(path) == 3
    journal.close()


def test_half_a_line_is_left_out(path: Path) -> None:
    journal = Journal.open(path, OFFER, 8 * MIB)
    journal.grow(0, 2 * MIB)
    journal.close()
    with path.open("a") as file:
        file.write("1 99")
    assert bytes_done(path) == 2 * MIB


@pytest.mark.parametrize("content", ["", "no journal\n", '{"offer": {}, "step": 1}\n', '{"step": 1}\n'])
def test_a_damaged_journal_is_begun_anew(path: Path, content: str) -> None:
    path.write_text(content)
    assert how_far(path) == (0, 0)
    journal = Journal.open(path, OFFER, 8 * MIB)
    assert not journal.resumed
    journal.close()
    assert how_far(path) == (0, 20 * MIB)


def test_another_file_is_begun_anew(path: Path) -> None:
    journal = Journal.open(path, OFFER, 8 * MIB)
    journal.grow(0, 2 * MIB)
    journal.close()
    journal = Journal.open(path, replace(OFFER, etag='"two"'), 8 * MIB)
    assert (journal.resumed, journal.total()) == (False, 0)
    journal.close()


def test_a_part_is_discarded_with_its_journal(tmp_path: Path) -> None:
    part = tmp_path / "w.part"
    part.touch()
    journal_path(part).touch()
    discard(part)
    discard(part)
    assert list(tmp_path.iterdir()) == []
