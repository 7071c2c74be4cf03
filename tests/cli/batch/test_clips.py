"""Clips of a folder run: the same words as for a picture, a refusal by name, and no process that outlives the run."""

import os
import subprocess
from pathlib import Path

import pytest

from mien_cli.batch.clips import ClipCommand, list_words
from mien_cli.main import parse
from mien_core.errors import UnsupportedClip
from mien_core.program import command_for, windowless

WORDS = (
    *("--face", "me.jpg", "--face", "ref:ada", "--faces", "0,2", "--engine", "flux", "--seed", "5", "--restore", "0.5"),
    *("--from", "0:02", "--to", "5", "--encoder", "vp9", "--quality", "50"),
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
        assert run.wait(30) == 1
