"""A look at the lower face promises: a beard's shade, ragged lips and a mouth half in the dark show in its figures."""

import cv2
import numpy as np
import pytest

from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Mask, Pixels
from mien_pipeline.skin.lower_face import look_at_lower_face, read_lower_face
from mien_pipeline.skin.naturalness import FinishedFace
from mien_testing.portraits import mesh_of

CHIN = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 17)


def draw(pixels: Pixels, mesh: Mesh, vertices: tuple[int, ...], soft: float = 0.0) -> Mask:
    """(H, W) 1 inside the hull of some vertices, its edge softened by so many face widths."""
    filled = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillConvexPoly(filled, cv2.convexHull(np.round(mesh[list(vertices), :2]).astype(np.int32)), (1.0,))
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), soft * face_width(mesh)), np.float32) if soft else filled


@pytest.fixture(scope="module")
def untouched(astronaut: Portrait) -> FinishedFace:
    mesh, pixels = mesh_of(astronaut), astronaut.image.pixels
    return FinishedFace(
        pixels, pixels, mesh, mesh, np.ones(pixels.shape[:2], np.float32), np.eye(2, 3, dtype=np.float32)
    )


def test_an_untouched_face_has_no_shade_and_its_own_lips(untouched: FinishedFace) -> None:
    own = read_lower_face(untouched.before, untouched.old_mesh)
    looks = look_at_lower_face(untouched, own, 0.1)
    assert (looks.landmarks, looks.shade, looks.lips) == (0.1, 0.0, 0.0)


def test_a_dark_chin_is_shade_however_light_the_skin_is(untouched: FinishedFace) -> None:
    own = read_lower_face(untouched.before, untouched.old_mesh)
    for light in (1.0, 0.5):
        beard = draw(untouched.before, untouched.mesh, CHIN, 0.02)
        before = (untouched.before * light).astype(np.uint8)
        after = (before * (1 - 0.5 * beard[..., None])).astype(np.uint8)
        assert look_at_lower_face(untouched._replace(before=before, after=after), own, 0.0).shade > 0.15


def test_ragged_lips_have_more_detail_than_both_faces_and_lips_of_either_do_not(untouched: FinishedFace) -> None:
    own, lips = (
        read_lower_face(untouched.before, untouched.old_mesh),
        draw(untouched.before, untouched.mesh, face.OUTER_LIPS),
    )
    noise = np.random.default_rng(0).normal(0, 60, lips.shape)
    coarse = cv2.GaussianBlur(noise, (0, 0), 0.01 * face_width(untouched.mesh)) * 8
    after = np.clip(untouched.after + (coarse * lips)[..., None], 0, 255).astype(np.uint8)
    assert look_at_lower_face(untouched._replace(after=after), own, 0.0).lips > 0.3
    soft = own._replace(lips_detail=own.lips_detail / 2)
    assert look_at_lower_face(untouched, soft, 0.0).lips > 0.2, "the plainer of both is what lips are held to"


def test_a_mouth_half_in_the_dark_is_uneven_and_dark(astronaut: Portrait) -> None:
    mesh, pixels = mesh_of(astronaut), astronaut.image.pixels
    side = (np.arange(pixels.shape[1]) > mesh[0, 0]) * draw(pixels, mesh, face.OUTER_LIPS, 0.05)
    lit, half = (
        read_lower_face(each, mesh) for each in (pixels, (pixels * (1 - 0.7 * side[..., None])).astype(np.uint8))
    )
    assert half.lips_even < lit.lips_even - 0.3
    assert half.lips_dark > lit.lips_dark + 5


def test_a_face_of_half_the_size_reads_alike(astronaut: Portrait) -> None:
    """Size hardly matters: it is read on a small copy."""
    mesh = mesh_of(astronaut)
    small = cv2.resize(astronaut.image.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    halved = read_lower_face(np.asarray(small, np.uint8), np.asarray((mesh + 0.5) / 2 - 0.5, np.float32))
    whole = read_lower_face(astronaut.image.pixels, mesh)
    assert halved.lips_even == pytest.approx(whole.lips_even, abs=0.1)
    assert halved.lips_dark == pytest.approx(whole.lips_dark, abs=2)
