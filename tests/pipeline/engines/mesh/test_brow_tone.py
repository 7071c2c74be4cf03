"""The tone of brows promises: no blacker than their picture, no greyer than their skin."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.brow_tone import bound_brows
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Pixels

SIDE = 160
FAIR, DARK_BROWN = np.array([215, 175, 155], np.uint8), np.array([75, 50, 40], np.uint8)
SHOWN = np.ones((SIDE, SIDE), np.float32)
BROWS, EYES = (face.LEFT_BROW, face.RIGHT_BROW), (face.LEFT_EYE, face.RIGHT_EYE)


@pytest.fixture
def mesh() -> Mesh:
    """The canonical face, 112 pixels wide in a picture of SIDE."""
    points = topology().vertices / np.ptp(topology().vertices[:, 0]) * 112
    return np.asarray(points - points.mean(0) + np.array([SIDE / 2, SIDE / 2, 0]), np.float32)


def draw(mesh: Mesh, brows: tuple[int, ...], eyes: tuple[int, ...] = (30, 24, 22)) -> Pixels:
    drawn = np.full((SIDE, SIDE, 3), FAIR, np.uint8)
    for rings, colour in ((BROWS, brows), (EYES, eyes)):
        for ring in rings:
            cv2.fillPoly(drawn, [np.round(mesh[list(ring), :2]).astype(np.int32)], colour)
    return drawn


def haze(pixels: Pixels) -> Pixels:
    return np.asarray(0.35 * pixels + 0.65 * FAIR, np.uint8)


def brow_of(pixels: Pixels, mesh: Mesh) -> Floats:
    x, y = np.round(mesh[[105, 52], :2].mean(0)).astype(int)
    return np.asarray(pixels[y, x], np.float32)


def bound(new: Pixels, target: Pixels, drawn: Pixels, mesh: Mesh) -> Floats:
    return brow_of(bound_brows(new, target, drawn, SHOWN, mesh, Grid.over(new.shape, 1)), mesh)


def test_brows_that_suit_the_target_hardly_change(mesh: Mesh) -> None:
    clear = draw(mesh, (110, 75, 60))
    assert np.abs(bound(clear, clear, clear, mesh) - brow_of(clear, mesh)).max() < 12


def test_brows_in_a_hazy_picture_are_no_blacker_than_what_is_darkest_in_it(mesh: Mesh) -> None:
    clear = draw(mesh, tuple(map(int, DARK_BROWN)))
    hazy = haze(clear)
    assert bound(clear, hazy, clear, mesh).mean() > 0.85 * brow_of(hazy, mesh).mean()


def test_brows_of_a_hazy_reference_are_darker_in_a_clear_picture(mesh: Mesh) -> None:
    clear = draw(mesh, tuple(map(int, DARK_BROWN)))
    hazy = haze(clear)
    assert bound(hazy, clear, hazy, mesh).mean() < brow_of(hazy, mesh).mean() - 20


@pytest.mark.parametrize("brow", [(90, 90, 110), (60, 110, 115), (95, 90, 90)], ids=["violet", "teal", "grey"])
def test_brows_on_warm_skin_are_brown(mesh: Mesh, brow: tuple[int, ...]) -> None:
    new = draw(mesh, brow)
    red, green, blue = bound(new, draw(mesh, tuple(map(int, DARK_BROWN))), new, mesh)
    assert red > green + 3
    assert green > blue


def test_brows_of_a_grey_picture_stay_grey(mesh: Mesh) -> None:
    grey = np.repeat(cv2.cvtColor(draw(mesh, (60, 60, 60)), cv2.COLOR_RGB2GRAY)[..., None], 3, 2).astype(np.uint8)
    assert np.ptp(bound(grey, grey, grey, mesh)) <= 1


def test_skin_and_eyes_keep_their_values(mesh: Mesh) -> None:
    clear, hazy = draw(mesh, tuple(map(int, DARK_BROWN))), haze(draw(mesh, tuple(map(int, DARK_BROWN))))
    toned = bound_brows(clear, hazy, clear, SHOWN, mesh, Grid.over(clear.shape, 1))
    for vertices in ([50], [4], [159, 145], [386, 374]):
        x, y = np.round(mesh[vertices, :2].mean(0)).astype(int)
        assert np.abs(toned[y, x].astype(int) - clear[y, x]).max() <= 2
