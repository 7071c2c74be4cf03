"""A result has a format that its name tells, lies beside its picture, and takes nobody's place unasked."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

import PIL.Image
import pytest

from mien_cli.result_file import (
    FORMATS,
    ResultPlace,
    add_output_arguments,
    check_new_folder,
    choose_format,
    make_folder,
)
from mien_core.errors import DiskFull, InvalidImage, InvalidOptions, OutputExists, OutputIsInput, OutputNotWritable
from mien_pipeline.clip_options import ClipFormat
from mien_testing.daemon import png


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with `me.jpg` and `face.png`."""
    monkeypatch.chdir(tmp_path)
    PIL.Image.new("RGB", (8, 8)).save("me.jpg")
    PIL.Image.new("RGB", (8, 8)).save("face.png")
    return tmp_path


def parse(*words: str, json: bool = False) -> Namespace:
    parser = ArgumentParser()
    add_output_arguments(parser, "NAME")
    return parser.parse_args(words, Namespace(json=json))


def choose(*words: str, references: tuple[str, ...] = ("face.png",), json: bool = False) -> ResultPlace:
    return ResultPlace.choose(parse(*words, json=json), Path("me.jpg"), "swapped", map(Path, references))


def write(place: ResultPlace) -> str:
    """The whole course of a command: check, work, write."""
    data = Path("me.jpg").read_bytes()
    if existing := place.check(data, place.format):
        return f"skipped {existing}"
    return str(place.write(png() if place.format == "png" else data).path)


@pytest.mark.parametrize(("suffix", "format"), FORMATS.items())
def test_the_name_tells_the_format_in_either_case(suffix: str, format: str) -> None:
    assert choose_format(Path(f"out{suffix}")) == choose_format(Path(f"OUT{suffix.upper()}")) == format


@pytest.mark.parametrize("name", ["out.gif", "out", "out.png.txt", ""])
def test_a_name_that_no_markable_picture_has_is_refused(name: str, pictures: Path) -> None:
    with pytest.raises(InvalidOptions) as refused:
        _ = choose("-o", name).format
    assert refused.value.fields["field"] == "output"


def test_a_name_without_an_ending_asks_for_the_format_of_the_file_that_it_links_to(pictures: Path) -> None:
    Path("link").symlink_to("real.png")
    assert write(choose("-o", "link")) == "link"
    assert Path("real.png").read_bytes() == png()
    assert Path("link").is_symlink()


def test_without_a_name_the_result_lies_beside_the_picture_and_takes_the_place_of_none(pictures: Path) -> None:
    assert [write(choose()) for _ in range(3)] == ["me-swapped.jpg", "me-swapped-2.jpg", "me-swapped-3.jpg"]


def test_a_folder_gets_a_chosen_name_that_takes_the_place_of_none(pictures: Path) -> None:
    Path("there.jpg").mkdir()  # a folder may be called so
    assert [write(choose("-o", "there.jpg")) for _ in range(2)] == [
        "there.jpg/me-swapped.jpg",
        "there.jpg/me-swapped-2.jpg",
    ]
    assert write(choose("-o", "new/deep/")) == "new/deep/me-swapped.jpg"
    assert {path.name for path in Path("new/deep").iterdir()} == {"me-swapped.jpg"}


def test_a_folder_is_made_with_the_result_and_not_before(pictures: Path) -> None:
    place = choose("-o", "new/")
    place.check(Path("me.jpg").read_bytes(), None)
    assert not Path("new").exists()
    Path("file").write_bytes(b"")
    for name in ("file/", "file/new/"):
        with pytest.raises(OutputNotWritable):
            choose("-o", name).check(Path("me.jpg").read_bytes(), None)


def test_a_file_that_was_named_is_replaced_unless_another_wish_was_said(pictures: Path) -> None:
    for words, path in [
        ((), "out.jpg"),
        ((), "out.jpg"),
        (("--exists", "number"), "out-2.jpg"),
        (("--exists", "skip"), "skipped out.jpg"),
    ]:
        assert write(choose("-o", "out.jpg", *words)) == path
    with pytest.raises(OutputExists):
        write(choose("-o", "out.jpg", "--exists", "fail"))


@pytest.mark.parametrize("exists", ["replace", "skip", "fail"])
def test_a_reference_that_is_called_like_the_result_is_never_written_over(exists: str, pictures: Path) -> None:
    Path("me-swapped.jpg").write_bytes(b"the face")
    with pytest.raises(OutputIsInput):
        write(choose("--exists", exists, references=("me-swapped.jpg",)))
    assert write(choose(references=("me-swapped.jpg",))) == "me-swapped-2.jpg"
    assert Path("me-swapped.jpg").read_bytes() == b"the face"


@pytest.mark.parametrize("name", ["me.jpg", "./me.jpg", "face.png", "link.png", "hard.jpg", "noending"])
def test_an_input_is_refused_before_it_is_read_whatever_it_is_called(name: str, pictures: Path) -> None:
    Path("link.png").symlink_to("face.png")
    Path("hard.jpg").hardlink_to("me.jpg")
    Path("noending").hardlink_to("face.png")
    for exists in ("number", "skip", "replace", "fail"):
        with pytest.raises(OutputIsInput):
            choose("-o", name, "--exists", exists)


@pytest.mark.parametrize(
    ("picture", "suffix"), [("a.jpg", ".jpg"), ("a.tif", ".tiff"), ("a.bmp", ".png"), ("a.webp", ".webp")]
)
def test_the_name_that_is_checked_before_the_work_is_the_one_that_is_written(
    picture: str, suffix: str, pictures: Path
) -> None:
    PIL.Image.new("RGB", (8, 8)).save(picture)
    Path(f"a-swapped{suffix}").write_bytes(b"there")
    place = ResultPlace.choose(parse("--exists", "skip"), Path(picture), "swapped")
    assert place.check(Path(picture).read_bytes(), None) == Path(f"a-swapped{suffix}")


@pytest.mark.parametrize(("name", "format"), [("a.MP4", "mp4"), ("a.gif", "gif"), ("a.webp", "webp")])
def test_the_name_of_a_clips_result_tells_its_format(name: str, format: ClipFormat, pictures: Path) -> None:
    place = choose("-o", name)
    assert place.clip_format() == place.clip_format(format) == format
    assert place.clip_output(format).path == Path(name)


def test_a_clips_result_whose_name_was_not_said_ends_like_its_format(pictures: Path) -> None:
    assert choose().clip_format("gif") is None
    assert choose().clip_output("gif").path == Path("me-swapped.gif")


@pytest.mark.parametrize(("name", "wanted", "field"), [("a.mkv", None, "output"), ("a.gif", "webp", "format")])
def test_a_clips_result_that_cannot_be_called_so_is_refused(
    name: str, wanted: str | None, field: str, pictures: Path
) -> None:
    with pytest.raises(InvalidOptions) as refused:
        choose("-o", name).clip_format(wanted)
    assert refused.value.fields["field"] == field


def test_an_ending_and_a_format_that_contradict_each_other_are_refused(pictures: Path) -> None:
    with pytest.raises(InvalidOptions):
        choose("-o", "out.png").check(png(), "jpeg")
    choose("-o", "out.png").check(png(), "png")
    choose().check(png(), "jpeg")


def test_a_target_that_is_no_picture_is_refused_before_the_work(pictures: Path) -> None:
    with pytest.raises(InvalidImage):
        choose().check(b"not a picture", None)


def test_standard_output_takes_the_picture_alone(pictures: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for name in ("-", "/dev/stdout"):
        place = choose("-o", name)
        assert write(place) == "-"
        assert capfdbinary.readouterr().out == Path("me.jpg").read_bytes()
        with pytest.raises(InvalidOptions):
            choose("-o", name, json=True)


def test_a_target_with_the_longest_name_there_is_gets_a_result(pictures: Path) -> None:
    name = "n" * 251 + ".jpg"
    Path("me.jpg").rename(name)
    data = Path(name).read_bytes()
    place = ResultPlace.choose(parse(), Path(name), "swapped")
    place.check(data, None)
    written = [place.write(data).path.name for _ in range(2)]
    assert written[0] == "n" * 243 + "-swapped.jpg"
    assert written[1].endswith("-2.jpg")


@pytest.mark.parametrize("source", ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"])
def test_a_picture_that_came_through_the_shell_has_its_result_in_the_working_folder(
    source: str, pictures: Path
) -> None:
    place = ResultPlace.choose(parse(), Path(source), "swapped")
    data = Path("me.jpg").read_bytes()
    place.check(data, None)
    assert place.write(data).path == Path(f"{Path(source).name}-swapped.jpg")


def test_a_disk_that_has_no_room_for_the_result_is_refused_before_the_work(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path("me.jpg").read_bytes()

    def measure(_folder: object) -> Namespace:
        return Namespace(free=2 * len(data))

    monkeypatch.setattr("shutil.disk_usage", measure)
    with pytest.raises(DiskFull):
        choose().check(data, None)


def test_a_result_is_whole_for_whom_the_umask_says(pictures: Path) -> None:
    umask = os.umask(0o027)
    try:
        write(choose("-o", "out.png"))
    finally:
        os.umask(umask)
    assert Path("out.png").read_bytes() == png()
    assert Path("out.png").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in pictures.iterdir()} == {"me.jpg", "face.png", "out.png"}


def test_a_folder_that_cannot_be_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for refused in (make_folder, check_new_folder):
        for folder in (tmp_path / "file" / "folder", tmp_path / "file"):
            with pytest.raises(OutputNotWritable) as told:
                refused(folder)
            assert str(told.value.fields["file"]).startswith(str(tmp_path / "file"))
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
