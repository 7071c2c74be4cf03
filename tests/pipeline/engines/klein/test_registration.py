"""A made head is measured against the target's: its scale, its place; what is near enough is moved there."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.engines.klein.registration import (
    face_on_target,
    mesh_to_working,
    move,
    register,
)
from mien_pipeline.face import Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels


def grow(portrait: Portrait, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
    """The picture with its face so many times as large about its own middle, then moved by pixels."""
    image, face = portrait
    centre = face.kps.mean(0)
    affine = np.array(
        [[scale, 0, centre[0] * (1 - scale) + shift[0]], [0, scale, centre[1] * (1 - scale) + shift[1]]], np.float32
    )
    size = (image.width, image.height)
    return np.asarray(cv2.warpAffine(image.pixels, affine, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize(("scale", "fits"), [(0.8, False), (0.94, True), (1.0, True), (1.06, True), (1.25, False)])
def test_a_head_that_grew_by_a_quarter_is_told_from_one_that_did_not(
    astronaut: Portrait, detector: MeshDetector, scale: float, fits: bool
) -> None:
    assert astronaut.face.mesh is not None
    found = register(grow(astronaut, scale), astronaut.face.mesh, detector)
    assert found.scale == pytest.approx(scale, abs=0.03)
    assert found.is_in_place is fits


def test_a_head_beside_its_place_is_told(astronaut: Portrait, detector: MeshDetector) -> None:
    assert astronaut.face.mesh is not None
    width = face_width(astronaut.face.mesh)
    near = register(grow(astronaut, 1.0, (0.08 * width, 0)), astronaut.face.mesh, detector)
    far = register(grow(astronaut, 1.0, (0.25 * width, 0)), astronaut.face.mesh, detector)
    assert near.offset == pytest.approx(0.08, abs=0.02)
    assert near.is_in_place
    assert not far.is_in_place


def test_what_is_near_is_moved_to_where_the_targets_face_is(astronaut: Portrait, detector: MeshDetector) -> None:
    mesh = astronaut.face.mesh
    assert mesh is not None
    made = grow(astronaut, 1.07, (5, -4))
    found = register(made, mesh, detector)
    again = register(move(made, found), mesh, detector)
    assert abs(again.scale - 1) < 0.02
    assert again.offset < 0.015


def test_a_head_in_its_place_is_not_resampled(astronaut: Portrait, detector: MeshDetector) -> None:
    assert astronaut.face.mesh is not None
    found = register(astronaut.image.pixels, astronaut.face.mesh, detector)
    assert move(astronaut.image.pixels, found) is astronaut.image.pixels


def test_noise_shows_no_face_and_is_out_of_place(astronaut: Portrait, detector: MeshDetector) -> None:
    assert astronaut.face.mesh is not None
    noise = np.random.default_rng(0).integers(0, 256, astronaut.image.pixels.shape, np.uint8)
    found = register(noise, astronaut.face.mesh, detector)
    assert found.face is None
    assert not found.is_in_place
    assert move(noise, found) is noise
    cut = Cut(0, 0, 512, 512, 1.0, (512, 512), (512, 512))
    assert face_on_target(found, cut, astronaut.face) is astronaut.face


def test_the_face_comes_back_in_the_targets_pixels(astronaut: Portrait, detector: MeshDetector) -> None:
    """Through a working picture at another size, with an offset."""
    image, face = astronaut
    assert face.mesh is not None
    cut = Cut(100, 20, 300, 240, 1.5, (450, 360), (464, 368))
    part = image.pixels[20:260, 100:400]
    made = cv2.copyMakeBorder(cv2.resize(part, (450, 360)), 0, 8, 0, 14, cv2.BORDER_REPLICATE)
    found = register(np.asarray(made, np.uint8), mesh_to_working(face.mesh, cut), detector)
    now = face_on_target(found, cut, face)
    assert now.mesh is not None
    assert np.abs(now.bbox - face.bbox).max() < 0.03 * face_width(face.mesh)
