"""Lent detail promises: shape and shade stay a soft reference's, what is finer is the target's."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.engines.mesh.engine import MeshEngine, MeshLikeness
from mien_pipeline.engines.mesh.lent_detail import FINER, MUCH_FINER, lend_detail
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import LEFT_EYE, RIGHT_EYE
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import mesh_of


def high(pixels: Pixels | Floats) -> float:
    """The contrast of fine detail."""
    light = np.asarray(pixels, np.float32)
    return float((light - cv2.GaussianBlur(light, (0, 0), 2)).std())


def test_detail_is_lent_as_far_as_the_reference_lacks_it() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(60, 200, (60, 60, 3)).astype(np.uint8)
    soft = np.full((60, 60, 3), 90, np.float32)
    kept = np.zeros((60, 60), np.float32)
    kept[:, :20] = 1
    assert lend_detail(soft, base, kept, FINER) is soft
    half, whole = (lend_detail(soft, base, kept, times) for times in ((FINER + MUCH_FINER) / 2, 2 * MUCH_FINER))
    assert (whole[:, :20] == soft[:, :20]).all()
    half, whole = half[:, 20:], whole[:, 20:]
    assert 0 < high(half) < high(whole) < 1.1 * high(base)
    assert abs(float(whole.mean()) - 90) < 2


def test_a_blurred_reference_leaves_the_eyes_as_sharp_as_the_targets(
    astronaut: Portrait, admiral: Portrait, engine: MeshEngine, astronaut_likeness: MeshLikeness
) -> None:
    blurred = replace(
        astronaut.image, pixels=np.asarray(cv2.GaussianBlur(astronaut.image.pixels, (0, 0), 1.5), np.uint8)
    )
    soft = engine.prepare([Portrait(blurred, astronaut.face)])
    assert soft.texture.resolved_px < 0.6 * astronaut_likeness.texture.resolved_px
    patch = soft.render(*admiral, MeshOptions(shape=0), ignore_step)
    after = paste_back(admiral.image, patch).pixels
    assert patch.mask.any()
    assert np.abs(read_eyes(admiral, after) - read_eyes(admiral, admiral.image.pixels)).mean() < 5


def read_eyes(portrait: Portrait, pixels: Pixels) -> Floats:
    """(N, 3) the pixels between the lids."""
    between = np.zeros(pixels.shape[:2], np.uint8)
    for ring in (LEFT_EYE, RIGHT_EYE):
        cv2.fillPoly(between, [np.round(mesh_of(portrait)[list(ring), :2]).astype(np.int32)], (1,))
    return pixels[between > 0].astype(np.float32)
