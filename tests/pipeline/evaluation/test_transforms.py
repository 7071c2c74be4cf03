"""What a level does to a target is what it says, and repeats."""

import numpy as np
import pytest

from mien_pipeline.evaluation.transforms import blur_by_motion, compress, dim, light_from_the_side, shrink
from mien_pipeline.faces.topology import face_width
from mien_testing.portraits import Portrait, mesh_of


def test_a_face_is_shrunk_to_a_width_and_never_enlarged(astronaut: Portrait) -> None:
    image, face = astronaut
    small = shrink(image.pixels, face, 32)
    assert small.shape[1] / image.width == pytest.approx(32 / face_width(mesh_of(astronaut)), rel=0.02)
    assert shrink(image.pixels, face, 5000) is image.pixels


def test_light_falls_by_its_gain_with_noise_that_repeats(astronaut: Portrait) -> None:
    pixels = astronaut[0].pixels
    assert np.array_equal(dim(pixels, 1.0, 0), pixels)
    dark = dim(pixels, 1 / 16, 3)
    assert dark.mean() < 0.35 * pixels.mean()
    assert np.array_equal(dark, dim(pixels, 1 / 16, 3))
    assert not np.array_equal(dark, dim(pixels, 1 / 16, 4))


def test_light_from_the_side_leaves_one_side_and_darkens_the_other(astronaut: Portrait) -> None:
    image, face = astronaut
    lit = light_from_the_side(image.pixels, face, 8)
    left, top, right, bottom = face.bbox.astype(int)
    ratio = lit[top:bottom].astype(float).mean((0, 2)) / image.pixels[top:bottom].astype(float).mean((0, 2))
    assert ratio[: left - 1] == pytest.approx(1, abs=0.02)
    assert ratio[right + 2 :].mean() < 0.5


def test_a_jpeg_loses_more_the_lower_its_quality_and_motion_blurs_sideways(astronaut: Portrait) -> None:
    pixels = astronaut[0].pixels.astype(float)
    lost = [np.abs(compress(astronaut[0].pixels, quality) - pixels).mean() for quality in (95, 40, 10)]
    assert lost == sorted(lost)
    blurred = blur_by_motion(astronaut[0].pixels, 15).astype(float)
    across, down = (
        np.abs(np.diff(blurred, axis=axis)).mean() / np.abs(np.diff(pixels, axis=axis)).mean() for axis in (1, 0)
    )
    assert across < 0.75 * down
    assert np.array_equal(blur_by_motion(astronaut[0].pixels, 0), astronaut[0].pixels)
