"""A folder run on a Ray cluster of its own: how long it takes to start, and what pictures and a clip cost there."""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from PIL import Image as PillowImage

from mien_core.errors import InvalidOptions
from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row
from mien_pipeline.media.decode import decode
from mien_testing.clips import Recipe, make_clip, move_portrait

SIDE = 1000  # 1 megapixel
PICTURES = 12
WORKERS = "1"
CLIP, FRAMES = (640, 360), 300
WARM = 2  # pictures with whatever is loaded at first


def rows(store: ModelStore) -> Iterator[Row]:
    if find_spec("ray") is None:
        raise InvalidOptions('it needs Ray: pip install "mien[ray]"', field="suite")
    return measure(store)


def measure(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "album").mkdir()
        (folder / "state").mkdir(mode=0o700)
        with PillowImage.open(store.path("demo-portraits", "astronaut.png")) as picture:
            large = picture.convert("RGB").resize((SIDE, SIDE), PillowImage.Resampling.BICUBIC)
        for number in range(PICTURES):
            large.rotate((number - PICTURES / 2) / 4).save(folder / "album" / f"{number:02}.jpg", quality=92)
        here, on_ray = list[float](), list[float]()
        starts = list[float]()
        for turn in range(2):  # by turns, since other programs come and go
            first_here, each = run_folder(store, folder, f"here-{turn}")
            here += each
            first, each = run_folder(store, folder, f"ray-{turn}", "--on", "ray")
            on_ray += each
            starts.append(first - first_here)
        yield Row("first picture on a cluster of its own − the first here", min(starts), "s")
        picture_ratio = statistics.median(on_ray) / statistics.median(here)
        yield Row("a picture on a cluster ÷ the same by a local worker", picture_ratio, "ratio", 1.1)
        yield compare_clip(store, folder)


def compare_clip(store: ModelStore, folder: Path) -> Row:
    """A folder with one clip, from the command's start to its end."""
    (folder / "clips").mkdir()
    portrait = decode(store.path("demo-portraits", "astronaut.png").read_bytes()).pixels[:400]
    recipe = Recipe(size=CLIP, times=tuple(range(FRAMES)), rate=30)
    make_clip(folder / "clips" / "a.mp4", recipe, move_portrait(portrait))
    here_s = run_folder(store, folder, "clip-here", album="clips")[0]
    ray_s = run_folder(store, folder, "clip-ray", "--on", "ray", album="clips")[0]
    return Row(
        f"a clip of {FRAMES} pictures on a cluster of its own, its start and all ÷ here", ray_s / here_s, "ratio"
    )


def run_folder(store: ModelStore, folder: Path, out: str, *on: str, album: str = "album") -> tuple[float, list[float]]:
    """Seconds to the first finished file, and from each to the next once all is warm, by the journal."""
    reference = store.path("demo-portraits", "grace_hopper.jpg")
    command = [sys.executable, "-m", "mien_cli", "batch", str(folder / album), "--face", str(reference)]
    command += ["-o", str(folder / out), "--workers", WORKERS, "--basis", "self", "--adult", "--json", *on]
    command += ["--state-dir", str(folder / "state"), "--models-dir", str(store.root)]
    environment = {name: value for name, value in os.environ.items() if name != "MIEN_OFFLINE"}
    began = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    with closing(sqlite3.connect(folder / out / "journal.sqlite")) as journal:
        times = [row[0] for row in journal.execute("SELECT changed_at FROM files WHERE state = 'done' ORDER BY 1")]
    return times[0] - began, [after - before for before, after in pairwise(times[WARM:])]
