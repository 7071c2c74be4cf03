"""What marking, checking and verifying a 12-megapixel photograph cost."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row, ratio, seconds
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import encode
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.content import OpenNsfw
from mien_pipeline.trust.marking import ResultMarker
from mien_pipeline.trust.verify import Inspector

WIDTH, HEIGHT = 4000, 3000


def rows(store: ModelStore) -> Iterator[Row]:
    photo = photograph(store)
    image = decode(photo)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        marker = ResultMarker(store.path("watermark"), Authority(state))
        edit = Edit("swap", "mesh", None, [ModelUse("face-mesh", "0" * 64)])
        yield Row(
            "marking a 12-MP JPEG ÷ encoding it",
            ratio(lambda: marker.mark(image, photo, edit), lambda: encode(image, "jpeg")),
            "ratio",
            4,
        )
        marked = marker.mark(image, photo, edit).data
        inspector = Inspector(store.path("watermark"), state)
        yield Row("verifying a 12-MP JPEG", seconds(lambda: inspector.inspect(marked)) * 1000, "ms", 500)
    yield Row("content check of a 12-MP picture", content_check(store, image.pixels) * 1000, "ms", 120)


def content_check(store: ModelStore, pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> float:
    """Seconds for a picture that the check has not seen before; views that it has seen cost nothing."""
    check, turn = OpenNsfw(store.path("content-check")), iter(range(1000))
    # Another shade each time, made beforehand: what is measured is the check.
    pictures = [np.maximum(pixels, shade) for shade in range(1, 7)]
    return seconds(lambda: check.check(pictures[next(turn) % len(pictures)], "target"))


def photograph(store: ModelStore) -> bytes:
    """A JPEG of 12 megapixels: a portrait enlarged, with grain."""
    portrait = PIL.Image.open(store.path("demo-portraits", "grace_hopper.jpg")).convert("RGB")
    enlarged = np.asarray(portrait.resize((WIDTH, HEIGHT), PIL.Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(0).normal(0, 4, (HEIGHT, WIDTH, 1))
    data = io.BytesIO()
    PIL.Image.fromarray(np.clip(enlarged + grain, 0, 255).astype(np.uint8)).save(data, "JPEG", quality=92)
    return data.getvalue()
