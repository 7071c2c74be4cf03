"""A segment counts when its file and its row are on the disk; what is half, changed or of another encoder does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien_pipeline.clips.journal import Journal, make_segment
from mien_pipeline.clips.render import PersonTally


def write(data: bytes, frames: int = 4) -> Callable[[Path, dict[int, PersonTally]], int]:
    def put(path: Path, tallies: dict[int, PersonTally]) -> int:
        path.write_bytes(data)
        tallies[0] = PersonTally(frames=frames, swapped=frames, to_reference=[0.5], warnings={"occluded": 1})
        return frames

    return put


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "run")
    made.begin("one encoder")
    made.add(make_segment(made.folder, 0, 0, write(b"first")))
    made.add(make_segment(made.folder, 1, 48, write(b"second", 7)))
    return made


def test_what_is_done_is_known_with_what_it_counted(journal: Journal) -> None:
    done = Journal(journal.folder).begin("one encoder")
    assert {number: tallies[0].swapped for number, tallies in done.items()} == {0: 4, 1: 7}
    assert done[1][0].warnings == {"occluded": 1}


def test_a_flipped_byte_costs_its_segment_and_no_other(journal: Journal) -> None:
    journal.segment(0).write_bytes(b"firsT")
    assert list(Journal(journal.folder).begin("one encoder")) == [1]
    assert not journal.segment(0).exists()


def test_a_missing_file_a_half_one_and_a_stray_one_cost_nothing_else(journal: Journal) -> None:
    journal.segment(1).unlink()
    journal.segment(2).with_suffix(".part").write_bytes(b"half")
    journal.segment(7).write_bytes(b"without a row")
    assert list(Journal(journal.folder).begin("one encoder")) == [0]
    assert sorted(path.name for path in journal.folder.glob("segment-*")) == [journal.segment(0).name]


def test_another_encoder_or_version_of_it_begins_anew(journal: Journal) -> None:
    assert Journal(journal.folder).begin("another encoder") == {}
    assert Journal(journal.folder).begin("another encoder") == {}


def test_a_segment_that_fails_leaves_no_row(journal: Journal) -> None:
    def fail(path: Path, _: dict[int, PersonTally]) -> int:
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        make_segment(journal.folder, 2, 96, fail)
    assert set(Journal(journal.folder).begin("one encoder")) == {0, 1}


def test_only_this_user_reads_the_folder_and_nothing_is_left_of_it(journal: Journal) -> None:
    assert journal.folder.stat().st_mode & 0o077 == 0
    journal.clear()
    assert not journal.folder.exists()
