"""The mask promises: a face's own skin and features, without hair, cap, rims and things held before it."""

import numpy as np
import pytest

from mien_pipeline.faces.topology import OVAL, face_width
from mien_pipeline.skin.mask import (
    below_hairline,
    cheek_mask,
    covers_features,
    face_mask,
    oval_mask,
    skin_mask,
    smooth_step,
)
from mien_testing.portraits import Portrait, mask_at, mesh_of


def test_cheeks_eyes_and_lips_are_the_faces_own(astronaut: Portrait) -> None:
    skin = skin_mask(astronaut[0].pixels, mesh_of(astronaut))
    assert mask_at(skin, astronaut, 50, 280, 101, 330, 4) > 0.95
    assert mask_at(skin, astronaut, 159, 386, 13, 105, 334) > 0.9


def test_a_fringe_is_not_skin(astronaut: Portrait) -> None:
    skin = skin_mask(astronaut[0].pixels, mesh_of(astronaut))
    assert mask_at(skin, astronaut, 10, 109, 338) < 0.15


def test_a_cap_is_not_skin(admiral: Portrait) -> None:
    image, face = admiral
    skin = skin_mask(image.pixels, mesh_of(admiral))
    top = int(face.bbox[1]) - 12
    assert skin[top, int(face.kps[2, 0])] < 0.1


def test_a_blue_card_before_the_mouth_is_kept(astronaut: Portrait) -> None:
    """Whatever reaches over plain skin covers the features beneath it too."""
    image, face = astronaut
    pixels = image.pixels.copy()
    x1, x2, y = int(face.bbox[0]) - 10, int(face.bbox[2]) + 10, int(face.kps[2, 1]) + 8
    pixels[y : int(face.bbox[3]) + 10, x1:x2] = (40, 60, 190)
    skin = skin_mask(pixels, mesh_of(astronaut))
    assert mask_at(skin, astronaut, 13, 14, 17, 152) < 0.1
    assert mask_at(skin, astronaut, 159, 386, 168) > 0.9


def test_dark_glasses_are_kept_whole(astronaut: Portrait) -> None:
    image, face = astronaut
    pixels = image.pixels.copy()
    left, right = face.kps[0], face.kps[1]
    y = int((left[1] + right[1]) / 2)
    pixels[y - 12 : y + 14, int(left[0]) - 18 : int(right[0]) + 18] = (20, 20, 24)
    assert mask_at(skin_mask(pixels, mesh_of(astronaut)), astronaut, 159, 386, 145, 374) < 0.1


def test_a_grey_picture_has_a_mask_too(astronaut: Portrait) -> None:
    grey = np.repeat(astronaut[0].pixels.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    skin = skin_mask(grey, mesh_of(astronaut))
    assert mask_at(skin, astronaut, 50, 280, 4, 13) > 0.95
    assert mask_at(skin, astronaut, 109, 338) < 0.5


def test_the_oval_is_soft_inside_and_nothing_outside(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    oval = oval_mask(astronaut[0].pixels.shape, mesh)
    assert oval.max() == pytest.approx(1)
    centre = mesh[:, :2].mean(0)
    beyond = centre + (mesh[list(OVAL), :2] - centre) * 1.1
    columns, rows = np.round(beyond).astype(int).T
    assert not oval[rows, columns].any()


def test_a_face_ends_at_its_outline_and_at_its_hair(astronaut: Portrait, admiral: Portrait) -> None:
    """A fringe lies inside the oval and is not skin; a neck is skin and lies outside it. Neither is the face."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    mask = face_mask(image.pixels, mesh)
    below = mesh[152, :2] + 0.25 * (mesh[152, :2] - mesh[1, :2])
    column, row = np.round(below).astype(int)
    assert skin_mask(image.pixels, mesh)[row, column] > 0.7
    assert mask[row, column] == 0
    assert mask_at(mask, astronaut, 10, 109, 338) < 0.15
    assert mask_at(mask, astronaut, 50, 280, 4, 13) > 0.95
    assert mask_at(face_mask(admiral[0].pixels, mesh_of(admiral)), admiral, 50, 280, 4, 13) > 0.95


def test_the_outline_is_soft_over_a_thirtieth_of_the_faces_width(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    oval = oval_mask(astronaut[0].pixels.shape, mesh)
    chin, inwards = mesh[152, :2], (mesh[1, :2] - mesh[152, :2]) / np.linalg.norm(mesh[1, :2] - mesh[152, :2])
    depths = np.arange(0, 0.06, 0.01) * face_width(mesh)
    columns, rows = np.round(chin + depths[:, None] * inwards).astype(int).T
    along = oval[rows, columns]
    assert (np.diff(along) >= 0).all()
    assert along[0] < 0.4
    assert 0.2 < along[1] < 0.9
    assert along[-1] == 1


@pytest.mark.parametrize("turned", [False, True], ids=["upright", "upside-down"])
def test_a_forehead_begins_slowly_and_the_brows_are_whole(astronaut: Portrait, turned: bool) -> None:
    shape, mesh = astronaut[0].pixels.shape, mesh_of(astronaut)
    if turned:
        far = np.array([shape[1] - 1, shape[0] - 1, 0], np.float32)
        mesh = np.asarray(far + mesh * np.array([-1, -1, 1], np.float32), np.float32)
    fade = below_hairline(shape, mesh, 0.16)
    column, row = np.round(mesh[151, :2]).astype(int)
    assert 0.05 < fade[row, column] < 0.9
    for vertex in (105, 334, 4, 152):  # brows, nose, chin
        column, row = np.round(mesh[vertex, :2]).astype(int)
        assert fade[row, column] > 0.95


def test_something_over_an_eye_the_nose_or_the_mouth_is_noticed(astronaut: Portrait) -> None:
    mesh, shape = mesh_of(astronaut), astronaut[0].pixels.shape[:2]
    assert not covers_features(np.ones(shape, np.float32), mesh)
    for vertex in (159, 386, 4, 13):
        covered = np.ones(shape, np.float32)
        column, row = np.round(mesh[vertex, :2]).astype(int)
        reach = int(0.2 * face_width(mesh))
        covered[row - reach : row + reach, column - reach : column + reach] = 0
        assert covers_features(covered, mesh)


def test_cheeks_are_beside_the_nose_on_either_side(astronaut: Portrait) -> None:
    cheeks = cheek_mask(astronaut[0].pixels.shape, mesh_of(astronaut))
    assert mask_at(cheeks, astronaut, 50) == mask_at(cheeks, astronaut, 280) == 1
    assert mask_at(cheeks, astronaut, 4, 13, 159, 386, 10, 152) == 0
    assert set(np.unique(cheeks)) == {0, 1}


def test_a_smooth_step_rises_from_0_to_1_with_level_ends() -> None:
    steps = smooth_step(np.array([-1, 0, 0.01, 0.5, 0.99, 1, 2], np.float32))
    assert np.allclose(steps, [0, 0, 0.0003, 0.5, 0.9997, 1, 1], atol=1e-4)
