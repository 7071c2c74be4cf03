"""A result has a format that its name tells, lies beside its picture, and never takes an input's place."""

import os
from pathlib import Path

import pytest

from mien_cli.result_file import FORMATS, choose_format, make_folder, name_beside, refuse_overwriting, write_result
from mien_core.errors import InvalidOptions, OutputNotWritable
from mien_testing.daemon import png


@pytest.mark.parametrize(("suffix", "format"), FORMATS.items())
def test_the_name_tells_the_format_in_either_case(suffix: str, format: str) -> None:
    assert choose_format(Path(f"out{suffix}")) == choose_format(Path(f"OUT{suffix.upper()}")) == format


def test_without_a_name_the_picture_keeps_its_own_format() -> None:
    assert choose_format(None) is None


@pytest.mark.parametrize("name", ["out.gif", "out", "out.png.txt"])
def test_a_name_that_no_markable_picture_has_is_refused_with_those_that_one_has(name: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        choose_format(Path(name))
    assert refused.value.fields["field"] == "output"
    assert refused.value.fields["known"] == sorted(FORMATS)


def test_an_input_is_not_written_over_by_whatever_path_it_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(png())
    (tmp_path / "link.png").symlink_to(picture)
    for name in (picture, tmp_path / "." / "a.png", tmp_path / "link.png"):
        with pytest.raises(InvalidOptions):
            refuse_overwriting(name, [tmp_path / "b.png", picture])
    refuse_overwriting(tmp_path / "c.png", [picture])
    refuse_overwriting(None, [picture])


def test_the_name_beside_says_what_was_done_and_the_format_that_came_out(tmp_path: Path) -> None:
    assert name_beside(tmp_path / "a.b.jpg", "swapped", png()) == tmp_path / "a.b-swapped.png"


def test_a_result_is_whole_for_whom_the_umask_says(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_result(tmp_path / "out.png", b"picture")
    finally:
        os.umask(umask)
    assert (tmp_path / "out.png").read_bytes() == b"picture"
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "out.png"]


def test_a_folder_that_cannot_be_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputNotWritable) as refused:
        make_folder(tmp_path / "file" / "folder")
    assert str(refused.value.fields["file"]).startswith(str(tmp_path / "file"))
    with pytest.raises(OutputNotWritable):
        write_result(tmp_path / "absent" / "out.png", b"")
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
