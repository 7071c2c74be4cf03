"""Vivid with FLUX.1 promises: a face is its own reference, fine light on skin is all that is taken, the lock holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from mien_core.errors import Cancelled
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.report import ModelUse
from mien_pipeline.restorers.lock import LOCK
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.restorers.skin_texture import SkinRegion
from mien_pipeline.skin.blend import paste_back

if TYPE_CHECKING:
    from mien_pipeline.engines.flux.engine import FluxEngine

Portrait = tuple[Image, Face]


@pytest.fixture(scope="module")
def embedder(models: ModelStore) -> DlibEmbedder:
    return DlibEmbedder(models.read("identity-score"))


@pytest.fixture(scope="module")
def waxy(astronaut: Portrait, detector: MeshDetector) -> Portrait:
    """A portrait as a beauty filter leaves it."""
    smooth = Image(np.asarray(cv2.GaussianBlur(astronaut[0].pixels, (0, 0), 1.6), np.uint8))
    return smooth, detector.detect(smooth)[0]


@dataclass
class Painter:
    """Paints grain on everything, makes everything brighter and redder, and keeps what it was asked for."""

    name: str = "flux"
    models: tuple[ModelUse, ...] = ()
    asked: list[tuple[Image, Face]] = field(default_factory=list[tuple[Image, Face]])
    with_options: list[SwapOptions] = field(default_factory=list[SwapOptions])

    def prepare(self, portraits: Sequence[tuple[Image, Face]]) -> "Painter":
        self.asked.append(portraits[0])
        return self

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        self.with_options.append(options)
        on_step(1, 1)
        grain = np.random.default_rng(0).normal(0, 5, target.pixels.shape[:2])[..., None]
        painted = np.clip(target.pixels + grain + np.array([30, 15, 15]), 0, 255).astype(np.uint8)
        everywhere = np.ones(target.pixels.shape[:2], np.float32)
        return Patch(painted, np.array([[1, 0, 0], [0, 1, 0]], np.float32), everywhere)


def restored(
    portrait: Portrait, painter: Any, embedder: DlibEmbedder, on_step: OnStep = ignore_step, **options: object
) -> Image:
    image, face = portrait
    vivid = RESTORERS["vivid"]
    restorer = vivid.load(embedder, painter, parse_options({**vivid.painting, **options}))
    return paste_back(image, restorer.restore(image, face, 1.0, on_step))


def test_the_face_is_painted_on_its_own_identity_at_low_strength(waxy: Portrait, embedder: DlibEmbedder) -> None:
    painter = Painter()
    restored(waxy, painter, embedder)
    assert painter.asked == [waxy]
    options = painter.with_options[0]
    assert isinstance(options, FluxOptions)
    assert options.strength <= 0.35


def test_painted_texture_is_taken_and_painted_light_and_colour_are_not(waxy: Portrait, embedder: DlibEmbedder) -> None:
    image, face = waxy
    result = restored(waxy, Painter(), embedder)
    assert face.mesh is not None
    view = SkinRegion.around(image, face.mesh)
    change = (result.pixels.astype(np.float32) - image.pixels)[view.rows, view.columns]
    inside = view.skin > 0.9
    assert change[inside].std() > 2, "the grain is there"
    assert np.abs(cv2.GaussianBlur(change, (0, 0), view.face_px / 15)).max() < 1.5, "30 levels of red are not"
    assert np.abs(change[..., 0] - change[..., 2])[inside].max() <= 1
    assert (change[view.skin == 0] == 0).all()


def test_the_real_stack_obeys_the_lock(waxy: Portrait, engine: "FluxEngine", embedder: DlibEmbedder) -> None:
    """What random weights paint is noise; what is let through of it leaves the same person."""
    image, face = waxy
    told: list[float] = []
    result = restored(waxy, engine, embedder, lambda done, total: told.append(done / total), side=256, steps=3)
    assert told == sorted(told)
    assert told[-1] < 1
    assert embedder.similarity(embedder.embed(image, face), embedder.embed(result, face)) >= LOCK


def test_a_cancel_ends_a_painted_restoration_at_its_step(
    waxy: Portrait, engine: "FluxEngine", embedder: DlibEmbedder
) -> None:

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise Cancelled("stopped by the person")

    with pytest.raises(Cancelled):
        restored(waxy, engine, embedder, stop, side=256, steps=10)
