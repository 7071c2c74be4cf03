"""Alignment promises: five points land on ArcFace's template, and shrinking averages instead of aliasing."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_pipeline.face import Face
from mien_pipeline.faces.align import (
    align,
    arcface_template,
    five_points,
    invert,
    resample,
    similarity_transform,
    transform,
    warp,
    warp_halves,
)
from mien_pipeline.faces.topology import LEFT_EYE, RIGHT_EYE
from mien_pipeline.image import Affine, Image, Pixels

Warp = Callable[[Pixels, Affine, tuple[int, int]], Pixels]
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


@pytest.mark.parametrize("warp", [warp, warp_halves])
def test_shrinking_a_checkerboard_gives_its_average(warp: Warp) -> None:
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


@pytest.mark.parametrize("warp", [warp, warp_halves])
@pytest.mark.parametrize("scale", [0.2, 1.0])
@pytest.mark.parametrize(("x", "y"), [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1)])
def test_a_crop_beside_the_picture_is_black(warp: Warp, x: int, y: int, scale: float) -> None:
    """On any side of it, whether the picture shrinks or not."""
    pixels = np.full((50, 60, 3), 200, np.uint8)
    far = np.array([[scale, 0, 500 * x], [0, scale, 500 * y]], np.float32)
    result = warp(pixels, far, (20, 24))
    assert result.shape == (24, 20, 3)
    assert not result.any()


@pytest.mark.parametrize("warp", [warp, warp_halves])
@pytest.mark.parametrize("scale", [0.45, 0.2])
def test_a_shrunken_part_shows_its_part_of_the_picture_up_to_its_edges(warp: Warp, scale: float) -> None:
    """Only the part that the result needs is read; a ramp shows a pixel that is missing or out of place."""
    y, x = np.mgrid[:900, :1200]
    ramp = np.stack([x * 0.2, y * 0.25, (x + y) * 0.1], 2).astype(np.float32)
    cos, sin = scale * np.cos(0.3), scale * np.sin(0.3)
    affine = np.array([[cos, -sin, 0], [sin, cos, 0]], np.float32)
    affine[:, 2] = np.array([15, 12]) - affine[:, :2] @ np.array([600, 450])
    small = warp(np.round(ramp).astype(np.uint8), affine, (30, 24))
    rows, columns = np.indices((24, 30))
    places = transform(np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float32), invert(affine))
    expected = np.stack([places[:, 0] * 0.2, places[:, 1] * 0.25, places.sum(1) * 0.1], 1).reshape(24, 30, 3)
    assert np.abs(small - expected).max() < 1.5


def test_the_template_of_128_px_networks_lies_8_px_further_right() -> None:
    assert np.allclose(arcface_template(256), (arcface_template(112) + np.array([8, 0])) * 2, atol=1e-3)
    assert np.allclose(arcface_template(224), arcface_template(112) * 2, atol=1e-3)


def test_the_five_points_of_a_mesh_are_its_eyes_nose_and_mouth(astronaut: tuple[Image, Face]) -> None:
    """The eyes' centres are within their rings, the others are vertices."""
    mesh = astronaut[1].mesh
    assert mesh is not None
    left, right, nose, left_corner, right_corner = five_points(mesh)
    for centre, ring in ((left, LEFT_EYE), (right, RIGHT_EYE)):
        low, high = mesh[list(ring), :2].min(0), mesh[list(ring), :2].max(0)
        assert (low < centre).all()
        assert (centre < high).all()
    assert np.array_equal(np.stack([nose, left_corner, right_corner]), mesh[[1, 61, 291], :2])


def test_resampling_at_whole_places_copies_and_outside_repeats_the_border() -> None:
    values = np.random.default_rng(0).standard_normal((9, 7)).astype(np.float32)
    y, x = np.mgrid[-2:12, -3:11].astype(np.float32)
    found = resample(values, np.stack([x, y], 2))
    assert np.array_equal(found, values[np.clip(y, 0, 8).astype(int), np.clip(x, 0, 6).astype(int)])
    assert np.array_equal(resample(values, (x, y)), found)


@pytest.mark.parametrize("cubic", [False, True])
def test_resampling_between_pixels_of_a_ramp_gives_what_is_between(cubic: bool) -> None:
    ramp = np.tile(np.arange(16, dtype=np.float32) * 10, (16, 1))
    places = np.full((4, 4, 2), 7.25, np.float32)
    assert np.allclose(resample(ramp, places, cubic), 72.5, atol=0.5)  # OpenCV's cubic kernel is not exact on ramps


def test_places_are_read_with_a_linear_kernel_unless_a_cubic_one_is_asked_for() -> None:
    edge = np.repeat(np.where(np.arange(32) < 16, 60.0, 180.0)[None], 32, 0).astype(np.float32)
    y, x = (np.mgrid[:64, :64] / 2).astype(np.float32)
    linear, cubic = resample(edge, np.stack([x, y], 2)), resample(edge, np.stack([x, y], 2), cubic=True)
    assert (linear.min(), linear.max()) == (60, 180)
    assert cubic.min() < 60


def test_an_enlarged_picture_is_read_with_the_kernel_that_was_asked_for() -> None:
    """A cubic kernel overshoots at an edge, a linear one does not."""
    edge = np.repeat(np.where(np.arange(32) < 16, 60, 180)[None], 32, 0).astype(np.uint8)
    larger = np.array([[3, 0, 0], [0, 3, 0]], np.float32)
    linear, cubic = (warp(edge, larger, (90, 90), cubic=cubic) for cubic in (False, True))
    assert (linear.min(), linear.max()) == (60, 180)
    assert cubic.min() < 60
    assert cubic.max() > 180
