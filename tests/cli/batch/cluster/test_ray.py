"""Folder runs on a real Ray cluster that they start themselves: pictures, and a clip, with all that is promised.

`nox -s ray`; the extra `mien[ray]` has to be installed, and the system has to give a network namespace.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import psutil
import pytest

from mien_models.store import ModelStore
from mien_testing.clips import Recipe, list_packets, make_clip, move_portrait
from mien_testing.weights import link_models

pytestmark = [pytest.mark.ray, pytest.mark.slow]

RunJson = Callable[..., tuple[int, Any]]
WORDS = ("--face", "grace_hopper.jpg", "--workers", "1", "--basis", "self", "--adult")
PICTURES = 2
FRAMES = 400  # eight segments


@pytest.fixture
def album(here: Path, models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small pictures, and models of its own: links to the files, not the folder that others write to."""
    link_models(models.root, here / "own-models", "egress.log")
    monkeypatch.setenv("MIEN_MODELS_DIR", str(here / "own-models"))
    monkeypatch.delenv("MIEN_OFFLINE")
    (here / "in").mkdir()
    with PIL.Image.open("astronaut.png") as portrait:
        small = portrait.convert("RGB").resize((300, 300))
    for number in range(PICTURES):
        small.rotate(number).save(here / "in" / f"{number}.png")
    return here


def find_actor(run: psutil.Process) -> psutil.Process | None:
    """The actor that has begun: it has a worker beside it."""
    for child in run.children(recursive=True):
        try:
            if "ray::Node" in "".join(child.cmdline()) and child.children():
                return child
        except psutil.Error:
            continue
    return None


def test_a_run_on_ray_survives_its_actor_and_makes_what_a_local_run_makes(album: Path, run_json: RunJson) -> None:
    """A run that was done here goes on there with one result lost, and its actor is killed at work."""
    status, alone = run_json("batch", "in", *WORDS, "-o", "alone")
    assert status == 0
    shutil.copytree("alone", "out")
    (album / "out" / "1-grace_hopper.png").unlink()
    command = [sys.executable, "-m", "mien_cli", "batch", "in", *WORDS, "-o", "out", "--on", "ray", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        run = psutil.Process(process.pid)
        while (actor := find_actor(run)) is None:
            assert process.poll() is None, "the run ended before an actor had begun"
            time.sleep(0.05)
        of_the_cluster = [child for child in run.children(recursive=True) if child.pid != actor.pid]
        network = Path(f"/proc/{actor.pid}/ns/net").readlink()
        actor.send_signal(signal.SIGKILL)
        document = json.loads(process.communicate()[0])
    assert process.returncode == 0, document
    assert [item["reason"] for item in document["items"]] == ["done-before", None]
    assert network != Path("/proc/self/ns/net").readlink()
    assert psutil.wait_procs(of_the_cluster, timeout=60)[1] == []
    lines = (album / "own-models" / "egress.log").read_text(encoding="ascii").splitlines()
    assert [line.split()[-1] for line in lines] == ["ray", "ray"]  # the actor, and the one after it
    for here, there in zip(alone["items"], document["items"], strict=True):
        one, other = (np.asarray(PIL.Image.open(album / part / here["output"])) for part in ("alone", "out"))
        np.testing.assert_array_equal(one, other)
        same = ("identity", "verdict", "naturalness", "warnings", "output")
        assert [here[name] for name in same] == [there[name] for name in same]
    again = run_json("batch", "in", *WORDS, "-o", "out")[1]
    assert {item["reason"] for item in again["items"]} == {"done-before"}


def test_a_killed_raylet_ends_the_run_and_the_same_command_goes_on_without_it(album: Path, run_json: RunJson) -> None:
    command = [sys.executable, "-m", "mien_cli", "batch", "in", *WORDS, "-o", "out", "--on", "ray", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        run = psutil.Process(process.pid)
        until(lambda: find_actor(run), process)
        (raylet,) = [each for each in run.children(recursive=True) if each.name() == "raylet"]
        raylet.kill()
        document = json.loads(process.communicate()[0])
    assert process.returncode == 1
    assert document["code"] in {"cluster-refused", "worker-died"}  # before its actor is given the job, or after
    status, after = run_json("batch", "in", *WORDS, "-o", "out")
    assert (status, after["done"] + after["skipped"]) == (0, PICTURES)


def until(made: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    while not made():
        assert process.poll() is None, "the run ended before"
        time.sleep(0.02)


def count_done(journal: Path) -> int:
    """How many segments are finished by a run's journal."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as rows, suppress(sqlite3.OperationalError):
        return int(rows.execute("SELECT COUNT(*) FROM segments").fetchone()[0])
    return 0  # it has no table yet


def begin_and_kill(command: list[str], made: Callable[[], object]) -> None:
    """Run a command until this is made, and kill it and all that it has started."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until(made, process)
        run = psutil.Process(process.pid)
        all_of_it = [run, *run.children(recursive=True)]
        for each in all_of_it:
            each.kill()
    assert psutil.wait_procs(all_of_it, timeout=60)[1] == []


def test_a_clip_on_ray_survives_its_actor_and_has_the_packets_of_a_local_run(album: Path, run_json: RunJson) -> None:
    """A run that began here is killed after its first segment and goes on there.

    The actor is killed after its first segment, which only it lays beside its record, while it is at another.
    """
    for picture in (album / "in").iterdir():
        picture.unlink()
    portrait = np.asarray(PIL.Image.open("astronaut.png").convert("RGB"))
    recipe = Recipe(size=(256, 192), times=tuple(range(FRAMES)), tone=1.0)
    make_clip(album / "in" / "a.mp4", recipe, move_portrait(portrait[:400]))
    status, alone = run_json("batch", "in", *WORDS, "-o", "alone")
    assert status == 0
    command = [sys.executable, "-m", "mien_cli", "batch", "in", *WORDS, "-o", "out", "--json"]
    clips = album / "state" / "clips"
    begin_and_kill(command, lambda: any(count_done(run) for run in clips.glob("*/journal.sqlite")))
    kept = {path: path.stat().st_mtime_ns for path in clips.glob("*/segment-00000.mp4")}
    with subprocess.Popen([*command, "--on", "ray"], stdout=subprocess.PIPE) as process:
        until(lambda: list(clips.glob("*/segment-*.json")), process)
        actor = find_actor(psutil.Process(process.pid))
        assert actor is not None
        assert {path: path.stat().st_mtime_ns for path in kept} == kept != {}
        actor.send_signal(signal.SIGKILL)
        document = json.loads(process.communicate()[0])
    assert process.returncode == 0, document
    lines = (album / "own-models" / "egress.log").read_text(encoding="ascii").splitlines()
    assert [line.split()[-1] for line in lines] == ["ray", "ray"]  # the actor, and the one after it
    made = [list_packets(album / part / "a-grace_hopper.mp4", "video") for part in ("alone", "out")]
    assert made[0] == made[1]
    same = ("identity", "verdict", "warnings", "output")
    assert [[item[name] for name in same] for item in alone["items"]] == [
        [item[name] for name in same] for item in document["items"]
    ]
    assert not list(clips.glob("*/segment-*"))
    again = run_json("batch", "in", *WORDS, "-o", "out")[1]
    assert {item["reason"] for item in again["items"]} == {"done-before"}
