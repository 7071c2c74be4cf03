"""What a run reads: files, folders and patterns, each file once, and nothing that lies in the output folder."""

import os
from pathlib import Path

import pytest

from mien_cli.batch.inputs import FoundInputs, find_inputs
from mien_core.errors import OutputIsInput
from mien_testing.folder_run import write_picture

OUT = Path("out")


@pytest.fixture(autouse=True)
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("in/b.png", "in/a.png", "in/.hidden.png", "in/sub/c.png", "in/sub/deep/d.png")):
        write_picture(Path(name), number)


def paths(found: FoundInputs) -> list[str]:
    return [file.path.as_posix() for file in found.files]


def test_a_folder_gives_its_files_by_name_and_with_recursive_those_of_its_folders() -> None:
    assert paths(find_inputs(["in"], OUT, recursive=False)) == ["in/a.png", "in/b.png"]
    deep = find_inputs(["in"], OUT, recursive=True)
    assert paths(deep) == ["in/a.png", "in/b.png", "in/sub/c.png", "in/sub/deep/d.png"]
    assert [file.folder.as_posix() for file in deep.files] == [".", ".", "sub", "sub/deep"]


def test_a_pattern_that_no_shell_has_expanded_is_one_and_a_file_of_that_name_wins() -> None:
    assert paths(find_inputs(["in/[ab].png"], OUT, recursive=False)) == ["in/a.png", "in/b.png"]
    assert paths(find_inputs(["in/**/*.png"], OUT, recursive=False))[-1] == "in/sub/deep/d.png"
    write_picture(Path("in/[ab].png"), 9)
    assert paths(find_inputs(["in/[ab].png"], OUT, recursive=False)) == ["in/[ab].png"]


def test_a_file_is_read_once_however_often_it_is_named() -> None:
    Path("link.png").symlink_to("in/a.png")
    assert paths(find_inputs(["in/a.png", "in", "./in/b.png", "link.png"], OUT, recursive=False)) == [
        "in/a.png",
        "in/b.png",
    ]


def test_other_files_of_a_folder_are_counted_and_a_file_that_is_named_is_tried() -> None:
    Path("in/note.txt").write_text("no picture")
    Path("in/broken.jpg").write_bytes(b"no picture either")
    Path("in/no-ending").write_bytes(Path("in/a.png").read_bytes())
    Path("in/clip.bin").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    found = find_inputs(["in"], OUT, recursive=False)
    assert paths(found) == ["in/a.png", "in/b.png", "in/broken.jpg", "in/clip.bin", "in/no-ending"]
    assert [path.name for path in found.others] == ["note.txt"]
    assert [file.path.name for file in found.files if file.is_clip] == ["clip.bin"]
    assert paths(find_inputs(["in/note.txt", "gone.jpg"], OUT, recursive=False)) == ["in/note.txt", "gone.jpg"]


def test_a_loop_of_links_ends_and_linked_folders_are_counted() -> None:
    Path("in/sub/loop").symlink_to(Path("in").absolute(), target_is_directory=True)
    Path("in/self.png").symlink_to("self.png")
    found = find_inputs(["in"], OUT, recursive=True)
    assert paths(found) == ["in/a.png", "in/b.png", "in/self.png", "in/sub/c.png", "in/sub/deep/d.png"]
    assert [path.as_posix() for path in found.linked_folders] == ["in/sub/loop"]


def test_results_in_an_output_folder_inside_the_input_folder_are_no_inputs() -> None:
    write_picture(Path("in/out/old.png"), 7)
    Path("elsewhere").symlink_to("in/out", target_is_directory=True)
    for out in ("in/out", "elsewhere"):
        assert "in/out/old.png" not in paths(find_inputs(["in"], Path(out), recursive=True))


def test_the_output_folder_cannot_be_an_input_folder() -> None:
    with pytest.raises(OutputIsInput):
        find_inputs(["in"], Path("in/sub/.."), recursive=False)


def test_a_name_that_is_no_text_is_found() -> None:
    name = os.fsdecode("写真.png".encode("cp932"))
    write_picture(Path("in") / name, 5)
    assert f"in/{name}" in paths(find_inputs(["in"], OUT, recursive=False))
