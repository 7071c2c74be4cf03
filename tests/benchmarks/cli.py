"""The command line: how soon it answers when it has nothing to load, and what a swap of its own costs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row, ratio

TARGET, REFERENCE = "mona_lisa.jpg", "astronaut.png"
PIXELS = 500_000
RUNS = 8


def rows(store: ModelStore) -> Iterator[Row]:
    help_s = ratio(lambda: run("-m", "mien_cli", "--help"), lambda: run("-c", "pass"), times=15)
    yield Row("mien --help ÷ python -c pass", help_s, "ratio", 4)
    yield Row(f"first mien swap, .5 MP: CPU of the process, least of {RUNS}", swap_cpu(store), "s", 1.5)


def swap_cpu(store: ModelStore) -> float:
    """User and system seconds of `mien swap --local` and all that it starts, the least of several processes.

    One more comes first: it makes the key that signs, and Python writes its bytecode.
    """
    from resource import RUSAGE_CHILDREN, getrusage  # Windows has none

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target, reference = (enlarge(store.path("demo-portraits", file), folder) for file in (TARGET, REFERENCE))
        folders = ("--models-dir", str(store.root), "--state-dir", str(folder / "state"), "--offline")
        words = ("swap", str(target), "--face", str(reference), "--local", "--basis", "self", "--adult", *folders)
        taken: list[float] = []
        for _ in range(1 + RUNS):
            before = getrusage(RUSAGE_CHILDREN)
            run("-m", "mien_cli", *words, "-o", str(folder / "out.jpg"))
            after = getrusage(RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(taken[1:])


def enlarge(portrait: Path, folder: Path) -> Path:
    """A JPEG of `PIXELS` in `folder`."""
    pixels = cv2.imread(str(portrait))
    if pixels is None:
        raise FileNotFoundError(portrait)
    scale = (PIXELS / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    made = folder / f"{portrait.stem}.jpg"
    cv2.imwrite(str(made), cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    return made


def run(*arguments: str) -> None:
    """A process of its own, as a person starts it: Python may write its bytecode."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], env=environ, check=True, capture_output=True)
