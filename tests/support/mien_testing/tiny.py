"""The tiny bundle: every weight file in its published layout, installed by the model store as the real ones are.

Torch is imported inside the fixtures: collecting the tests does not wait for it.
"""

from typing import TYPE_CHECKING

import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.progress import ignore_step
from mien_testing.pictures import face_at, picture

if TYPE_CHECKING:
    from mien_pipeline.engines.flux.engine import FluxEngine, FluxLikeness

QUICK = FluxOptions(side=256, steps=2, strength=1.0)
Picture = tuple[Image, Face]


@pytest.fixture(scope="session")
def store(tiny_store: ModelStore) -> ModelStore:
    return tiny_store


@pytest.fixture(scope="session")
def engine(store: ModelStore) -> "FluxEngine":
    """The engine as it is loaded anywhere, reading 32 tokens of the prompt: 512 would be most of the time."""

    import torch

    from mien_pipeline.engines.flux.engine import load

    # Networks this small are not shared out: on a busy machine threads wait for each other longer than they work.
    torch.set_num_threads(1)
    found = load(store)
    found.stack.text("dev").max_tokens = 32
    return found


@pytest.fixture(scope="session")
def reference() -> Picture:
    return picture(180, 200, seed=1), face_at(50, 60, 80, 80)


@pytest.fixture(scope="session")
def target() -> Picture:
    """517 × 333: no multiple of 16 anywhere."""
    return picture(517, 333, seed=2), face_at(200, 120, 90, 90)


@pytest.fixture(scope="session")
def likeness(engine: "FluxEngine", reference: Picture) -> "FluxLikeness":
    return engine.prepare([Portrait(*reference)])


@pytest.fixture(scope="session")
def made(likeness: "FluxLikeness", target: Picture) -> Patch:
    """The reference in the target's place, in two steps."""
    return likeness.render(*target, QUICK, ignore_step)


@pytest.fixture(scope="session")
def with_options(store: ModelStore) -> ModelStore:
    """The store with every other base, decoder and adapter in it as well."""

    from mien_pipeline.engines.flux.tiny.bundle import OPTIONAL

    store.pull(OPTIONAL)
    return store
