"""A run over a folder: how much faster two workers are than one, and what a picture costs beside its swap."""

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from PIL import Image as PillowImage

from mien_daemon.worker.isolation import NICE
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.measures import Row
from mien_pipeline.runtime import Runtime
from mien_pipeline.trust.authority import Authority

SIDE = 1000  # 1 megapixel
PICTURES = 16


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets, reference = write_album(store, folder)
        # By turns, since other programs come and go: one worker, the swap alone, two workers, the swap alone, …
        one, two, alone = list[float](), list[float](), list[float]()
        for turn in range(2):
            one += run_folder(store, folder, reference, 1, turn)
            alone += swap_alone(store, folder, targets[turn::3], reference)
            two += run_folder(store, folder, reference, 2, turn)
        yield Row(
            "a picture of a folder run ÷ the same swap, warm, in process",
            statistics.median(one) / statistics.median(alone),
            "ratio",
            1.15,
        )
        yield Row(
            "pictures a second of a folder run, two workers ÷ one",
            statistics.mean(one) / statistics.mean(two),
            "ratio",
            1.7,
            at_least=True,
        )


def run_folder(store: ModelStore, folder: Path, reference: Path, workers: int, turn: int) -> list[float]:
    """Seconds from each finished picture to the next, by the journal; the first few, with the start, are left out."""
    out = folder / f"out-{workers}-{turn}"
    command = [
        sys.executable,
        "-m",
        "mien_cli",
        "batch",
        str(folder / "album"),
        "--face",
        str(reference),
        "-o",
        str(out),
    ]
    command += ["--workers", str(workers), "--basis", "self", "--adult", "--json", "--offline"]
    command += ["--state-dir", str(folder / "state"), "--models-dir", str(store.root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        times = [row[0] for row in journal.execute("SELECT changed_at FROM files WHERE state = 'done' ORDER BY 1")]
    return [after - before for before, after in pairwise(times[1 + workers :])]


def swap_alone(store: ModelStore, folder: Path, targets: list[Path], reference: Path) -> list[float]:
    """Seconds of each swap with everything loaded, as nice as a worker."""
    runtime, face = Runtime(store, Authority(folder / "state")), reference.read_bytes()

    def swap(target: Path) -> float:
        began = time.perf_counter()
        runtime.swap(target.read_bytes(), [face], MeshOptions())
        return time.perf_counter() - began

    with ThreadPoolExecutor(1, initializer=os.nice, initargs=(NICE,)) as here:
        return [here.submit(swap, target).result() for target in [targets[0], *targets]][1:]


def write_album(store: ModelStore, folder: Path) -> tuple[list[Path], Path]:
    """Turned copies of a bundled portrait, and the other one as the reference."""
    (folder / "album").mkdir()
    (folder / "state").mkdir(mode=0o700)
    with PillowImage.open(store.path("demo-portraits", "astronaut.png")) as picture:
        large = picture.convert("RGB").resize((SIDE, SIDE), PillowImage.Resampling.BICUBIC)
    targets = [folder / "album" / f"{number:02}.jpg" for number in range(PICTURES)]
    for number, path in enumerate(targets):
        large.rotate((number - PICTURES / 2) / 4, fillcolor=(120, 120, 120)).save(path, quality=92)
    return targets, store.path("demo-portraits", "grace_hopper.jpg")
