"""Clips of a folder run: the same words as for a picture, a refusal by name, and no process that outlives the run."""

import os
import subprocess
from pathlib import Path

import pytest

from mien_cli.batch.clips import ClipCommand, list_words
from mien_cli.batch.journal import FileRow
from mien_cli.batch.names import ResultNames
from mien_cli.batch.prepare import prepare
from mien_cli.batch.start import make_item
from mien_cli.main import parse
from mien_core.errors import InvalidOptions, UnsupportedClip
from mien_core.program import command_for, windowless
from mien_testing.folder_run import write_picture

WORDS = (
    *("--face", "me.jpg", "--face", "ref:ada", "--faces", "0,2", "--engine", "flux", "--seed", "5", "--restore", "0.5"),
    *("--from", "0:02", "--to", "5", "--encoder", "vp9", "--quality", "50", "--every", "4"),
    *(
        "--set",
        "prompt=a b",
        "--detector",
        "yunet",
        "--recogniser",
        "arcface",
        "--restorer",
        "gpen",
        "--fidelity",
        "0.9",
        "--mask",
        "bisenet",
    ),
    *("--basis", "self", "--adult", "--offline", "--state-dir", "s", "--models-dir", "m"),
)


def test_a_clip_is_swapped_as_the_pictures_are() -> None:
    """Every option that a folder run shares with a swap goes along; another engine is tried for pictures only."""
    run = parse(["batch", "in", "-o", "out", *WORDS])
    swap = parse(["swap", "clip.mp4", *list_words(run), "-o", "out.mp4", "--local", "--json"])
    apart = {"run", "leaf", "output", "json", "command", "exists", "workers", "version", "fallback"}
    shared = vars(run).keys() & vars(swap).keys() - apart
    usual = parse(["batch", "in", "-o", "out", "--face", "a.jpg"])
    assert [name for name in shared if getattr(run, name) == getattr(usual, name)] == [], "said by no word above"
    assert len(shared) > 15
    assert {name: getattr(run, name) for name in shared} == {name: getattr(swap, name) for name in shared}


@pytest.mark.parametrize(
    ("said", "of_pictures", "of_clips"),
    [
        ([], None, "mp4"),
        (["format=webp"], "webp", "webp"),
        (["format=png"], "png", "mp4"),
        (["format=gif"], None, "gif"),
        (["format=mp4"], None, "mp4"),
        (["format=png", "format=gif"], None, "gif"),
    ],
)
def test_pictures_and_clips_of_a_folder_have_each_the_format_that_they_can_have(
    said: list[str], of_pictures: str | None, of_clips: str, tmp_path: Path
) -> None:
    """A clip's is the ending of its result: nothing else is said to the command that makes it."""
    write_picture(tmp_path / "in/a.png", 1)
    write_picture(tmp_path / "me.png", 2)
    (tmp_path / "in/clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    words = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--face", str(tmp_path / "me.png")]
    args = parse([*words, "--engine", "mesh", *(word for each in said for word in ("--set", each))])
    wanted = prepare(args)
    assert (wanted.options.format, wanted.clip_format) == (of_pictures, of_clips)
    names = ResultNames(wanted.pattern)
    suffixes = [make_item(wanted, file, FileRow(1, "", ""), names).suffix for file in wanted.found.files]
    assert suffixes == [f".{of_pictures or 'png'}", f".{of_clips}"]
    assert "--set" not in list_words(args)
    plain = prepare(parse([*words, "--engine", "mesh"]))
    keys = [[each.find_key(file) for file in each.found.files] for each in (plain, wanted)]
    assert [before == after for before, after in zip(*keys, strict=True)] == [
        of_pictures is None,
        of_pictures is None and of_clips == "mp4",
    ]


@pytest.mark.parametrize(
    ("name", "said", "field"), [("clip.mp4", ["--encoder", "av1"], "encoder"), ("b.txt", [], "format")]
)
def test_a_format_that_does_not_go_with_what_is_there_is_refused_before_any_work(
    name: str, said: list[str], field: str, tmp_path: Path
) -> None:
    """A GIF has no codec to choose, and pictures alone become none."""
    write_picture(tmp_path / "in/a.png", 1)
    (tmp_path / "in" / name).write_bytes(b"\0\0\0\x18ftypisom" + bytes(40) if name == "clip.mp4" else b"text")
    words = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--face", str(tmp_path / "in/a.png")]
    with pytest.raises(InvalidOptions) as refused:
        prepare(parse([*words, "--engine", "mesh", "--set", "format=gif", *said]))
    assert refused.value.fields["field"] == field


@pytest.mark.slow
async def test_a_clip_that_cannot_be_read_is_refused_by_name(here: Path) -> None:
    clip = here / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    with pytest.raises(UnsupportedClip):
        await ClipCommand(["--face", "astronaut.png"]).swap(clip, here / "made.mp4")
    assert not (here / "made.mp4").exists()


@pytest.mark.slow
def test_the_process_of_a_clip_ends_with_the_run(folders: Path) -> None:
    """It reads its reference from a pipe that nothing is written to: without the end of the run it would wait on."""
    os.mkfifo(folders / "me.jpg")
    (folders / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    words = [*command_for("batch-clip"), "clip.mp4", "--face", "me.jpg", "-o", "made.mp4"]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, **windowless()) as run,
        (folders / "me.jpg").open("wb"),  # opens as soon as the process reads it
    ):
        assert run.stdin is not None
        run.stdin.close()
        assert run.wait(120) == 1
