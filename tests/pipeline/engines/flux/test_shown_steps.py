"""What is painted is shown while it is, where TAEF1 is installed, as a patch."""

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.flux import stack as stack_module
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import ShowsSteps
from mien_testing.tiny import QUICK, Picture


@pytest.mark.parametrize("installed", [True, False])
def test_the_engine_shows_patches_with_taef1_and_none_without(
    engine: FluxEngine,
    store: ModelStore,
    with_options: ModelStore,
    reference: Picture,
    target: Picture,
    monkeypatch: pytest.MonkeyPatch,
    installed: bool,
) -> None:
    """The result is the same to the bit, and no error without the file."""
    monkeypatch.setattr(stack_module, "DEV_TOKENS", 32)
    ours = FluxEngine(Stack(store, engine.stack.files, engine.stack.device, engine.stack.plan))
    if not installed:
        monkeypatch.setattr("mien_pipeline.engines.flux.engine.is_available", lambda *_: False)  # pyright: ignore[reportUnknownLambdaType]
    assert isinstance(ours, ShowsSteps)
    seen: list[tuple[Image, Patch]] = []
    ours.show_steps(lambda image, patch: seen.append((image, patch)))
    likeness = ours.prepare([Portrait(*reference)])
    with_previews = likeness.render(*target, QUICK, ignore_step)
    assert bool(seen) == installed
    for image, patch in seen:
        assert image is target[0]
        assert patch.mask.shape == patch.crop.shape[:2]
    ours.show_steps(None)
    again = likeness.render(*target, QUICK, ignore_step)
    assert np.array_equal(again.crop, with_previews.crop)
