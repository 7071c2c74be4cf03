"""The mask promises: a face's own skin and features, without hair, cap, rims and whatever is held before it."""

import numpy as np
import pytest

from mien_pipeline.faces.topology import OVAL
from mien_pipeline.skin.mask import face_mask, oval_mask, skin_mask
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


def test_the_whole_mask_is_at_most_the_oval(astronaut: Portrait) -> None:
    pixels, mesh = astronaut[0].pixels, mesh_of(astronaut)
    assert (face_mask(pixels, mesh) <= oval_mask(pixels.shape, mesh)).all()
