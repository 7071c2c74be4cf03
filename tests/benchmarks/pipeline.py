"""One swap: stages, whole, memory, and the command line's own start."""

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from mien_pipeline.benchmark import Row, ratio
from mien_pipeline.models.store import ModelStore


def rows(store: ModelStore) -> Iterator[Row]:
    yield Row("mien --help ÷ python -c pass", start_of_the_command_line(), "ratio", 4)


def start_of_the_command_line() -> float:
    def python(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return ratio(lambda: python("-m", "mien_daemon", "--help"), lambda: python("-c", "pass"), times=15)


def photograph(store: ModelStore, width: int = 4000, height: int = 3000) -> bytes:
    """A 12-megapixel JPEG with one face of about 500 px: a portrait enlarged, mirrored outwards, with grain."""
    portrait = PillowImage.open(store.path("demo-portraits", "astronaut.png")).convert("RGB")
    enlarged = np.asarray(portrait.resize((height, height), PillowImage.Resampling.BICUBIC), np.float32)
    beside = (width - height) // 2
    picture = np.pad(enlarged, ((0, 0), (beside, width - height - beside), (0, 0)), mode="reflect")
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    data = BytesIO()
    PillowImage.fromarray(noisy).save(data, "JPEG", quality=92)
    return data.getvalue()
