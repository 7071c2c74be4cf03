"""The canonical face: symmetric, of unit width, unrolled without a fold; and what poses and widths mean on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_pipeline.faces.topology import (
    LEFT_EYE,
    RIGHT_EYE,
    face_width,
    head_pose,
    inter_ocular,
    rigid_transform,
    topology,
)
from mien_pipeline.image import Floats

ABOUT_X, ABOUT_Y, ABOUT_Z = (1, 2), (2, 0), (0, 1)


def turn(plane: tuple[int, int], degrees: float) -> Floats:
    """(3, 3) rotation that takes the plane's first axis towards its second."""
    one, other = plane
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    rotation = np.eye(3, dtype=np.float32)
    rotation[[one, other, one, other], [one, other, other, one]] = cos, cos, -sin, sin
    return rotation


def test_every_vertex_is_the_partner_of_its_partner() -> None:
    mirror = topology().mirror
    assert np.array_equal(mirror[mirror], np.arange(468))
    assert set(mirror[list(LEFT_EYE)].tolist()) == set(RIGHT_EYE)


def test_the_face_and_its_unrolling_are_their_own_mirror_images() -> None:
    face = topology()
    assert np.allclose(face.vertices[face.mirror] * [-1, 1, 1], face.vertices, atol=1e-5)
    assert np.allclose(face.uv[face.mirror], [1, 0] + face.uv * [-1, 1], atol=1e-5)


def test_the_face_is_of_unit_width_and_its_left_is_the_viewers() -> None:
    vertices = topology().vertices
    assert face_width(vertices) == pytest.approx(1, abs=1e-4)
    assert vertices[list(LEFT_EYE), 0].max() < 0 < vertices[list(RIGHT_EYE), 0].min()
    assert vertices[10, 1] < vertices[1, 1] < vertices[152, 1]  # forehead, nose, chin: y is down
    assert vertices[1, 2] < vertices[234, 2]  # the nose is nearer than an ear: z is away from the viewer


def test_the_unrolling_has_no_fold_and_stays_in_the_unit_square() -> None:
    face = topology()
    a, b, c = (face.uv[np.concatenate([face.triangles, face.closing])[:, corner]] for corner in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert area.min() > 0
    assert face.uv.min() > 0
    assert face.uv.max() < 1


def test_every_vertex_belongs_to_the_skin() -> None:
    assert set(topology().triangles.ravel().tolist()) == set(range(468))


@given(yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), roll=st.floats(-170, 170), size=st.floats(0.5, 400))
def test_a_head_is_turned_as_far_as_it_was_turned(yaw: float, pitch: float, roll: float, size: float) -> None:
    """Each turn alone: to the viewer's right, upwards, clockwise on the screen."""
    for plane, degrees, which in ((ABOUT_Y, -yaw, 0), (ABOUT_X, -pitch, 1), (ABOUT_Z, roll, 2)):
        mesh = (topology().vertices @ turn(plane, degrees).T * size + [300, 200, 9]).astype(np.float32)
        expected = np.zeros(3)
        expected[which] = (yaw, pitch, roll)[which]
        assert np.allclose(head_pose(mesh), expected, atol=0.05)


def test_the_nose_points_where_the_pose_says() -> None:
    right = topology().vertices @ turn(ABOUT_Y, -30).T
    up = topology().vertices @ turn(ABOUT_X, -30).T
    assert head_pose(right.astype(np.float32))[0] > 25
    assert right[1, 0] > right[[234, 454], 0].mean()
    assert head_pose(up.astype(np.float32))[1] > 25
    assert up[1, 1] < topology().vertices[1, 1]


@given(degrees=st.floats(-60, 60))
def test_a_turned_head_is_as_wide_and_its_eyes_are_nearer_on_the_screen(degrees: float) -> None:
    turned = (topology().vertices @ turn(ABOUT_Y, degrees).T).astype(np.float32)
    assert face_width(turned) == pytest.approx(1, abs=1e-3)
    upright = inter_ocular(topology().vertices)
    assert inter_ocular(turned) == pytest.approx(upright * np.cos(np.deg2rad(degrees)), abs=0.01)


@given(degrees=st.floats(-170, 170), scale=st.floats(0.1, 50), shift=st.tuples(*[st.floats(-100, 100)] * 3))
def test_a_rigid_motion_is_found_again(degrees: float, scale: float, shift: tuple[float, float, float]) -> None:
    points = topology().vertices
    rotation = turn(ABOUT_Z, degrees) @ turn(ABOUT_Y, degrees / 3)
    moved = (scale * points @ rotation.T + shift).astype(np.float32)
    found, size, offset = rigid_transform(points, moved)
    assert np.allclose(size * points @ found.T + offset, moved, atol=1e-3 * max(scale, 1))


def test_a_mirror_image_is_not_explained_by_a_mirror() -> None:
    points = topology().vertices + np.array([0, 0, 0.1], np.float32) * np.arange(468)[:, None]
    rotation, _, _ = rigid_transform(points.astype(np.float32), (points * [-1, 1, 1]).astype(np.float32))
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-4)
