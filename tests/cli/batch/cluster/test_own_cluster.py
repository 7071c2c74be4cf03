"""Folder runs on a Ray cluster of the person's own, with a token and TLS: two nodes, one of them lost or damaged.

`nox -s ray`, as `test_ray.py`.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien_models.store import ModelStore
from mien_testing.clips import Recipe, list_packets, make_clip, move_portrait
from mien_testing.ray_cluster import CLIENTS, Plan, run
from mien_testing.weights import link_models

pytestmark = [pytest.mark.ray, pytest.mark.slow]

RunJson = Callable[..., tuple[int, Any]]
WORDS = ("batch", "in", "--face", "grace_hopper.jpg", "--workers", "1", "--basis", "self", "--adult")
THERE = ("--on", f"ray://localhost:{CLIENTS}", "--elsewhere")
PICTURES, FRAMES = 3, 240


@pytest.fixture
def album(here: Path, models: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small pictures and a clip, and three stores of links to the same models: this machine's, and the nodes'."""
    for name in ("mine", "first", "second"):
        link_models(models.root, here / name, "egress.log")
    monkeypatch.setenv("MIEN_MODELS_DIR", str(here / "mine"))
    monkeypatch.delenv("MIEN_OFFLINE")
    (here / "in").mkdir()
    with PIL.Image.open("astronaut.png") as portrait:
        large = portrait.convert("RGB")
    for number in range(PICTURES):
        large.resize((300, 300)).rotate(number).save(here / "in" / f"{number}.png")
    recipe = Recipe(size=(256, 192), times=tuple(range(FRAMES)), tone=1.0)
    make_clip(here / "in" / "clip.mp4", recipe, move_portrait(np.asarray(large)[:400]))
    return here


@pytest.fixture
def in_memory() -> Iterator[str]:
    """A folder in memory: a cluster whose store overflows to a disk is refused."""
    folder = tempfile.mkdtemp(prefix="mien-ray-", dir="/dev/shm")
    yield folder
    shutil.rmtree(folder)


def run_there(album: Path, in_memory: str, lost_after: str = "") -> tuple[int, Any]:
    """Exit status and document of the run on the cluster."""
    command = [sys.executable, "-m", "mien_cli", *WORDS, "-o", "there", *THERE, "--json"]
    stores = [str(album / name) for name in ("first", "second")]
    process = run(Plan(command, in_memory, stores, lost_after), os.environ)
    return process.returncode, json.loads(process.stdout)


def test_a_run_on_two_nodes_survives_that_one_is_lost_and_makes_what_a_local_run_makes(
    album: Path, in_memory: str, run_json: RunJson
) -> None:
    status, here = run_json(*WORDS, "-o", "here")
    assert status == 0
    status, there = run_there(album, in_memory, lost_after=str(album / "there" / "0-grace_hopper.png"))
    assert status == 0, there
    lines = (album / "mine" / "egress.log").read_text(encoding="ascii").splitlines()
    assert [line.split()[-1] for line in lines[:3]] == ["ray", "ray", "ray"]  # the cluster, and each of its nodes
    same = ("identity", "verdict", "warnings", "output")
    assert [[item[name] for name in same] for item in here["items"]] == [
        [item[name] for name in same] for item in there["items"]
    ]
    for number in range(PICTURES):
        name = f"{number}-grace_hopper.png"
        one, other = (np.asarray(PIL.Image.open(album / part / name)) for part in ("here", "there"))
        np.testing.assert_array_equal(one, other)
    made = [list_packets(album / part / "clip-grace_hopper.mp4", "video") for part in ("here", "there")]
    assert made[0] == made[1]
    for node in range(2):
        assert not list(Path(in_memory, f"state-{node}", "batch").glob("*/*.reference"))


def test_a_node_with_a_changed_model_ends_the_run_before_a_picture_is_sent(
    album: Path, in_memory: str, models: ModelStore
) -> None:
    changed = album / "second" / models.path("iris").relative_to(models.root)
    bytes_of_it = bytearray(changed.read_bytes())
    bytes_of_it[-1] ^= 1
    changed.unlink()
    changed.write_bytes(bytes_of_it)
    status, document = run_there(album, in_memory)
    assert status == 1
    assert (document["code"], document["reason"]) == ("cluster-refused", "digests")
    assert not list((album / "there").glob("*.png"))
