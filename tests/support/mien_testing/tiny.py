"""The tiny bundle: every weight file in its published layout, installed by the model store as the real ones are."""

import numpy as np
import pytest
import torch

from mien_models.store import ModelStore
from mien_pipeline.engines.flux.engine import FluxEngine, load
from mien_pipeline.face import Face
from mien_pipeline.image import Image

# Networks this small are not worth sharing out: on a busy machine threads wait for each other longer than they work.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def store(tiny_store: ModelStore) -> ModelStore:
    return tiny_store


@pytest.fixture(scope="session")
def engine(store: ModelStore) -> FluxEngine:
    """The engine as it is loaded anywhere, reading 32 tokens of the prompt: 512 would be most of the time."""
    found = load(store)
    found.stack.text("dev").max_tokens = 32
    return found


def picture(width: int, height: int, seed: int = 0) -> Image:
    """Smooth colours with a little grain, so that a changed pixel shows."""
    rng = np.random.default_rng(seed)
    slope = np.add.outer(np.linspace(20, 120, height), np.linspace(0, 100, width))[..., None]
    noise = rng.normal(0, 6, (height, width, 3))
    return Image(np.clip(slope + noise + [10, 0, 25], 0, 255).astype(np.uint8))


def face_at(left: float, top: float, side: float) -> Face:
    """A face's box and points, without a mesh."""
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    kps = (points * side + [left, top]).astype(np.float32)
    return Face(np.array([left, top, left + side, top + side], np.float32), 0.9, kps)


@pytest.fixture(scope="session")
def reference() -> tuple[Image, Face]:
    return picture(180, 200, seed=1), face_at(50, 60, 80)


@pytest.fixture(scope="session")
def target() -> tuple[Image, Face]:
    """517 × 333: no multiple of 16 anywhere."""
    return picture(517, 333, seed=2), face_at(200, 120, 90)
