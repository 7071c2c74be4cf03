"""A tongue: found where it is put out over the lip, and nowhere on a mouth that only smiles, laughs or is painted."""

import cv2
import numpy as np
import pytest

from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import OUTER_LIPS, face_width
from mien_pipeline.image import Pixels
from mien_pipeline.skin.tongue import tongue_mask
from mien_testing.portraits import Portrait, mesh_of

TONGUE = (190, 90, 100)


def put_out(pixels: Pixels, mesh: Mesh, length: float) -> tuple[Pixels, tuple[int, int]]:
    """The picture with a tongue that reaches so many face widths below the mouth's opening, and its tip."""
    width = face_width(mesh)
    x, y = mesh[13, :2]
    drawn = pixels.copy()
    tip = round(float(x)), round(float(y + length * width))
    cv2.line(drawn, (tip[0], round(float(y)) + 2), tip, TONGUE, round(0.13 * width))
    return drawn, tip


def test_a_tongue_over_lip_and_chin_is_found(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    pixels, (x, y) = put_out(astronaut[0].pixels, mesh, 0.26)
    mask = tongue_mask(pixels, mesh)
    assert mask[y, x] > 0.9
    cheeks = mesh[[50, 280], :2].astype(int)
    assert all(mask[row, column] == 0 for column, row in cheeks)


def test_a_smile_shows_none(astronaut: Portrait, admiral: Portrait) -> None:
    assert not any(tongue_mask(each[0].pixels, mesh_of(each)).any() for each in (astronaut, admiral))


def test_painted_lips_are_no_tongue(astronaut: Portrait) -> None:
    pixels, mesh = astronaut[0].pixels.copy(), mesh_of(astronaut)
    cv2.polylines(pixels, [np.round(mesh[list(OUTER_LIPS), :2]).astype(np.int32)], True, (180, 20, 40), 4)
    assert not tongue_mask(pixels, mesh).any()


@pytest.mark.parametrize("length", [0.06, 0.9])
def test_what_ends_at_the_lip_or_hangs_down_to_the_collar_is_no_tongue(astronaut: Portrait, length: float) -> None:
    mesh = mesh_of(astronaut)
    pixels, _ = put_out(astronaut[0].pixels, mesh, length)
    assert not tongue_mask(pixels, mesh).any()
