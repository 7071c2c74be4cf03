"""Alignment promises: five points land on ArcFace's template, and shrinking averages instead of aliasing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_pipeline.face import Face
from mien_pipeline.faces.align import align, arcface_template, invert, similarity_transform, transform, warp
from mien_pipeline.image import Image

angles = st.floats(-3.1, 3.1)
scales = st.floats(0.1, 10)
shifts = st.floats(-500, 500)


@given(angle=angles, scale=scales, x=shifts, y=shifts)
def test_a_similarity_is_recovered_from_the_points_it_moved(angle: float, scale: float, x: float, y: float) -> None:
    points = arcface_template(112)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    affine = np.array([[cos, -sin, x], [sin, cos, y]], np.float32)
    found = similarity_transform(points, transform(points, affine))
    assert np.abs(transform(points, found) - transform(points, affine)).max() < 1e-2 * max(1, scale)


def test_points_mirrored_are_not_explained_by_a_mirror() -> None:
    points = arcface_template(112)
    found = similarity_transform(points, points * np.array([-1, 1], np.float32))
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize("size", [112, 128, 224, 512])
def test_an_aligned_face_has_its_points_on_the_template(astronaut: tuple[Image, Face], size: int) -> None:
    image, face = astronaut
    aligned = align(image.pixels, face.kps, size)
    assert aligned.crop.shape == (size, size, 3)
    error = np.linalg.norm(transform(face.kps, aligned.affine) - arcface_template(size), axis=1)
    assert error.mean() < 0.05 * size


def test_there_and_back_is_the_identity() -> None:
    affine = similarity_transform(arcface_template(112), arcface_template(112) * 3 + 7)
    points = arcface_template(128)
    assert np.allclose(transform(transform(points, affine), invert(affine)), points, atol=1e-3)


def test_shrinking_a_checkerboard_gives_its_average() -> None:
    board = (np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = np.repeat(board[..., None], 3, 2)
    small = warp(pixels, np.array([[0.1, 0, 0], [0, 0.1, 0]], np.float32), (64, 64))
    assert np.abs(small[4:-4, 4:-4].astype(int) - 127).max() <= 3


@given(shift=st.integers(-30, 30))
def test_shrinking_keeps_places(shift: int) -> None:
    """A bright square ends up where its middle goes, whichever path resampled it."""
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[180 + shift : 220 + shift, 180:220] = 255
    affine = np.array([[0.25, 0, 3.5], [0, 0.25, -2.25]], np.float32)
    small = warp(pixels, affine, (100, 100))[..., 0].astype(np.float64)
    rows, columns = np.indices(small.shape)
    middle = np.array([(small * columns).sum(), (small * rows).sum()]) / small.sum()
    expected = transform(np.array([[199.5, 199.5 + shift]], np.float32), affine)[0]
    assert np.abs(middle - expected).max() < 0.3


def test_a_crop_beside_the_picture_is_black() -> None:
    pixels = np.full((50, 50, 3), 200, np.uint8)
    far = np.array([[0.2, 0, 1000], [0, 0.2, 1000]], np.float32)
    assert not warp(pixels, far, (20, 20)).any()
