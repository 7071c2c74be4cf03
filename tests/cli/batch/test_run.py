"""A run over a folder: one bad input ends nothing, any death is gone on from, and inputs are never written to.

The workers, the journal and the reports are real. Only the pipeline is a fake, which does what a picture says.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mien_cli.batch import start
from mien_cli.batch.journal import NAME, open_journal
from mien_testing.folder_run import start_ordered, write_picture

pytestmark = pytest.mark.slow

RunJson = Callable[..., tuple[int, Any]]
STATEMENT = ("--basis", "self", "--adult")
REPORTS = {NAME, "report.csv", "report.html", "report.json"}
CP932 = os.fsdecode("写真.png".encode("cp932"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(folder: Path) -> set[str]:
    return set(snapshot(folder)) - REPORTS


@pytest.fixture
def batch(folders: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    """`mien batch WORD… --face me.png -o out --json`, in a folder with two pictures in `in`."""
    monkeypatch.setattr(start, "start", start_ordered)
    for number, name in enumerate(("in/a.png", "in/b.png", "me.png")):
        write_picture(folders / name, number)

    def run(*words: str) -> tuple[int, Any]:
        return run_json("batch", *words, "--face", "me.png", "-o", "out", "--workers", "1", *STATEMENT)

    return run


def states(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        Path(item["input"]).name: item.get("code") or item.get("reason") or item["state"] for item in document["items"]
    }


def test_one_bad_input_ends_nothing_and_every_other_one_is_done(batch: RunJson) -> None:
    for number, (name, order) in enumerate({"die": "die", "crash": "crash", "blocked": "fail:content-blocked"}.items()):
        write_picture(Path(f"in/{name}.png"), 10 + number, order)
    write_picture(Path("in/sub/c.png"), 20)
    write_picture(Path("in/linked/d.png"), 22)
    Path("out").mkdir()
    Path("out/linked").symlink_to(Path("in/linked").absolute(), target_is_directory=True)
    write_picture(Path("in") / CP932, 21)
    write_picture(Path("in/b"), 23).rename("in/b.bmp")
    Path("in/clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    Path("in/note.txt").write_text("no picture")
    Path("in/loop").symlink_to(Path("in").absolute(), target_is_directory=True)
    before = snapshot(Path("in"))
    status, document = batch("in", "gone.jpg", "--recursive")
    assert status == 3
    made = dict.fromkeys(("a.png", "b.bmp", "b.png", "c.png", CP932), "done")
    refused = {"die.png": "worker-died", "crash.png": "internal-error", "blocked.png": "content-blocked"}
    refused["d.png"] = "output-not-writable"  # a link leads its result out of the output folder, into an input folder
    del document["items"][[item["input"] for item in document["items"]].index("in/clip.mp4")]  # a fake reads anything
    assert states(document) == {**made, **refused, "gone.jpg": "invalid-image"}
    assert (document["others"], document["linked_folders"]) == (1, 1)
    outputs = {Path(item["input"]).name: item["output"] for item in document["items"]}
    assert (outputs["b.bmp"], outputs["b.png"], outputs["c.png"]) == ("b-me.png", "b-me-2.png", "sub/c-me.png")
    assert Path("out/a-me.png").read_bytes() == Path("in/a.png").read_bytes() + b"\0"
    assert snapshot(Path("in")) == before
    assert len(json.loads(Path("out/report.json").read_bytes())["items"]) == len(document["items"]) + 1


def test_given_again_only_what_is_not_there_whole_is_done(batch: RunJson) -> None:
    """A picture under another name is the same one; a result that is gone or was cut off is made again."""
    assert batch("in")[0] == 0
    first = snapshot(Path("out"))
    Path("in/b.png").rename("in/z.png")
    write_picture(Path("in/c.png"), 30)
    shutil.copy("in/a.png", "in/copy.png")
    status, document = batch("in")
    assert status == 0
    assert states(document) == {
        "a.png": "done-before",
        "c.png": "done",
        "copy.png": "same-picture",
        "z.png": "same-picture",
    }
    assert results(Path("out")) == {"a-me.png", "b-me.png", "c-me.png"}
    assert all(snapshot(Path("out"))[name] == data for name, data in first.items() if name not in REPORTS)
    Path("out/c-me.png").unlink()
    Path("out/a-me.png").write_bytes(b"cut")
    document = batch("in")[1]
    assert [item["output"] for item in document["items"]] == ["a-me-2.png", "c-me.png", "a-me-2.png", "b-me.png"]
    assert Path("out/a-me-2.png").read_bytes() == first["a-me.png"]
    assert Path("out/a-me.png").read_bytes() == b"cut"


def test_with_other_options_a_file_that_is_there_is_treated_by_the_rule(batch: RunJson) -> None:
    batch("in/a.png")
    rules = {
        "skip": (0, "exists", 1),
        "fail": (1, "output-exists", 1),
        "replace": (0, "done", 1),
        "number": (0, "done", 2),
    }
    for seed, (exists, (expected, state, files)) in enumerate(rules.items(), 1):
        Path("out/a-me.png").write_bytes(b"there")
        status, document = batch("in/a.png", "--seed", str(seed), "--exists", exists)
        assert (status, states(document), len(results(Path("out")))) == (expected, {"a.png": state}, files)
        assert (Path("out/a-me.png").read_bytes() == b"there") is (exists != "replace")


def test_of_a_run_that_could_not_begin_nothing_is_left(batch: RunJson, run_json: RunJson) -> None:
    write_picture(Path("bad.png"), 50, "bad")
    words = ("batch", "in", "--face", "bad.png", "-o", "new/out", *STATEMENT)
    status, problem = run_json(*words)
    assert (status, problem["code"], problem["role"]) == (1, "no-face-found", "reference")
    assert not Path("new/out").exists()
    Path("out").mkdir()
    Path("out/mine.txt").touch()
    assert run_json(*words[:-5], "-o", "out", *STATEMENT)[0] == 1
    assert {path.name for path in Path("out").iterdir()} == {"mine.txt"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("in", "-o", "in"), "output-is-input"),
        (("empty", "-o", "out"), "invalid-image"),
        (("in", "-o", "me.png"), "output-not-writable"),
        (("in", "-o", "out", "--name", "../{name}"), "invalid-options"),
        (("in", "-o", "out", "--engine", "magic"), "unknown-engine"),
        (("in", "-o", "taxes"), "output-exists"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(
    words: tuple[str, ...], code: str, batch: RunJson, run_json: RunJson
) -> None:
    Path("empty").mkdir()
    Path("taxes").mkdir()
    Path("taxes/report.html").write_text("mine")
    before = snapshot(Path())
    status, problem = run_json("batch", *words, "--face", "me.png", *STATEMENT)
    assert (status, problem["code"]) == (1, code)
    assert {name: data for name, data in snapshot(Path()).items() if not name.startswith("state/")} == before


def test_a_cluster_is_a_network_and_each_of_its_faces_has_a_statement(
    folders: Path, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a statement in words nothing is begun, whatever was confirmed at a terminal before."""
    monkeypatch.setattr(start, "start", start_ordered)
    write_picture(folders / "in/a.png", 1)
    write_picture(folders / "me.png", 2)
    words = ("batch", "in", "--face", "me.png", "-o", "out", "--on", "ray")
    status, problem = run_json(*words)
    assert (status, problem["code"], problem["field"]) == (1, "consent-required", "basis")
    assert not Path("out").exists()
    monkeypatch.undo()
    monkeypatch.chdir(folders)
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    status, problem = run_json(*words, *STATEMENT)
    assert (status, problem["code"]) == (1, "offline")


def test_a_second_run_on_the_same_folder_is_refused(batch: RunJson) -> None:
    Path("out").mkdir()
    with open_journal(Path("out")):
        status, problem = batch("in")
    assert (status, problem["code"]) == (1, "output-busy")


def test_a_dry_run_writes_nothing_and_says_what_is_left_to_do(batch: RunJson) -> None:
    status, document = batch("in", "--dry-run")
    assert (status, document["waiting"], document["seconds_each"]) == (0, 2, None)
    assert [item["output"] for item in document["items"]] == ["a-me.png", "b-me.png"]
    assert not Path("out").exists()
    batch("in/a.png")
    before = snapshot(Path("out"))
    document = batch("in", "--dry-run")[1]
    assert states(document) == {"a.png": "skipped", "b.png": "waiting"}
    assert document["seconds_each"] > 0
    assert snapshot(Path("out")) == before


def test_a_dry_run_says_how_many_faces_there_are_and_what_will_fail(here: Path, run_json: RunJson) -> None:
    (here / "in").mkdir()
    for name in ("astronaut.png", "nobody.png"):
        (here / "in" / name).write_bytes((here / name).read_bytes())
    (here / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand nothing")
    words = ("batch", "in", "--face", "grace_hopper.jpg", "-o", "out", "--dry-run")
    status, document = run_json(*words)
    told = {Path(item["input"]).name: (item["state"], item["faces"], item.get("code")) for item in document["items"]}
    assert status == 0
    assert told == {
        "astronaut.png": ("waiting", 1, None),
        "nobody.png": ("waiting", 0, None),
        "broken.png": ("failed", None, "invalid-image"),
    }
    assert document["faces"] == 1
    assert not (here / "out").exists()


# ── deaths ──


def begin(folders: Path, *more: str) -> "subprocess.Popen[bytes]":
    """A run in a process of its own."""
    words = ["in", "--face", "me.png", "-o", "out", "--workers", "2", *STATEMENT, *more]
    environment = {**os.environ, "MIEN_STATE_DIR": str(folders / "state")}
    return subprocess.Popen([sys.executable, "-m", "mien_testing.folder_run", *words], env=environment)


def wait_for_results(run: "subprocess.Popen[bytes]", count: int) -> None:
    until = time.monotonic() + 180
    while len(list(Path("out").glob("*.png"))) < count:
        assert run.poll() is None
        assert time.monotonic() < until
        os.sched_yield()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_after_a_death_the_same_command_does_the_rest(number: int, status: int, folders: Path, batch: RunJson) -> None:
    for shade in range(8):
        order = "sleep:0.2" if shade < 6 else "sleep:4"  # both workers are at the last two when it comes
        write_picture(Path(f"in/{shade}.png"), 70 + shade, order)
    run = begin(folders)
    wait_for_results(run, 3)
    run.send_signal(number)
    assert run.wait(120) == status
    for shade in (6, 7):
        write_picture(Path(f"in/{shade}.png"), 70 + shade)
    done = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.png")}
    assert 3 <= len(done) < 10
    again, document = batch("in")
    assert again == 0
    assert results(Path("out")) == {f"{path.stem}-me.png" for path in Path("in").iterdir()}
    assert all(Path("out", name).stat().st_mtime_ns == moment for name, moment in done.items())
    assert document["skipped"] >= len(done) - 1
    assert [path.name for path in (folders / "state/batch").iterdir()] == ["starting.lock"]
