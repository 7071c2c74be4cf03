"""Skin that is half the target's promises: no stain, blob or shine of the reference, its brows, and what was kept."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.plain_skin import lay_on_own_skin
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Mask, Pixels

SIDE = 160
FAIR, STAIN, BROW = (215, 175, 155), (95, 80, 70), (60, 45, 35)
CHEEK, TIP, FOREHEAD = 50, 4, 151
OWN_EYES = (EyeSwap(1, 0, 0), EyeSwap(1, 0, 0))


@pytest.fixture
def mesh() -> Mesh:
    """The canonical face, 112 pixels wide in a picture of SIDE."""
    points = topology().vertices / np.ptp(topology().vertices[:, 0]) * 112
    return np.asarray(points - points.mean(0) + np.array([SIDE / 2, SIDE / 2, 0]), np.float32)


@pytest.fixture
def target() -> Pixels:
    return np.full((SIDE, SIDE, 3), FAIR, np.uint8)


def mark(pixels: Pixels, mesh: Mesh, vertex: int, radius: int, colour: tuple[int, int, int]) -> Pixels:
    x, y = np.round(mesh[vertex, :2]).astype(int)
    return np.asarray(cv2.circle(pixels.copy(), (int(x), int(y)), radius, colour, -1, cv2.LINE_AA), np.uint8)


def paint_brows(pixels: Pixels, mesh: Mesh) -> Pixels:
    painted = pixels.copy()
    for ring in (face.LEFT_BROW, face.RIGHT_BROW):
        cv2.fillConvexPoly(painted, cv2.convexHull(np.round(mesh[list(ring), :2]).astype(np.int32)), BROW)
    return painted


def lay(new: Pixels, target: Pixels, mesh: Mesh, kept: Mask | None = None) -> Pixels:
    shown, none = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    return lay_on_own_skin(new, target, shown, none if kept is None else kept, mesh, OWN_EYES, Grid.over(new.shape, 1))


def darkest(pixels: Pixels, mesh: Mesh, vertex: int) -> int:
    """The darkest red around a vertex."""
    x, y = np.round(mesh[vertex, :2]).astype(int)
    return int(pixels[y - 5 : y + 6, x - 5 : x + 6, 0].min())


def test_skin_without_a_stain_stays_as_it_is(target: Pixels, mesh: Mesh) -> None:
    assert np.abs(lay(target, target, mesh).astype(int) - target).max() <= 1


@pytest.mark.parametrize("vertex", [CHEEK, TIP], ids=["cheek", "nose"])
def test_a_stain_is_hardly_seen(target: Pixels, mesh: Mesh, vertex: int) -> None:
    stained = mark(target, mesh, vertex, 7, STAIN)
    assert darkest(stained, mesh, vertex) == STAIN[0]
    assert darkest(lay(stained, target, mesh), mesh, vertex) > 0.7 * FAIR[0]


def test_the_light_of_the_target_shows_on_skin_that_has_none(target: Pixels, mesh: Mesh) -> None:
    shaded = mark(target, mesh, CHEEK, 9, STAIN)
    assert darkest(lay(target, shaded, mesh), mesh, CHEEK) < 0.75 * FAIR[0]


def test_brows_are_the_references(target: Pixels, mesh: Mesh) -> None:
    laid = lay(paint_brows(target, mesh), target, mesh)
    assert darkest(laid, mesh, face.LEFT_BROW[2]) < 1.3 * BROW[0]


def test_a_brow_of_the_targets_that_is_higher_does_not_show_through(target: Pixels, mesh: Mesh) -> None:
    x, y = np.round(mesh[105, :2]).astype(int) - (0, 6)
    old = np.asarray(cv2.circle(target.copy(), (int(x), int(y)), 2, BROW, -1, cv2.LINE_AA), np.uint8)
    laid = lay(paint_brows(target, mesh), old, mesh)
    assert old[y, x, 0] < 70
    assert laid[y, x, 0] > 0.85 * FAIR[0]


def test_a_brow_that_light_has_reached_amid_shade_does_not_shine(target: Pixels, mesh: Mesh) -> None:
    """All that lies in shade is made lighter."""
    x, y = np.round(mesh[face.LEFT_BROW[2], :2]).astype(int)
    lit = mark(mark(target, mesh, face.LEFT_BROW[2], 14, STAIN), mesh, face.LEFT_BROW[2], 4, FAIR)
    assert lay(lit, target, mesh)[y - 2 : y + 3, x - 2 : x + 3].max() < 1.1 * FAIR[0]


def test_what_stays_the_targets_keeps_its_values(target: Pixels, mesh: Mesh) -> None:
    stained, kept = mark(target, mesh, CHEEK, 7, STAIN), np.zeros((SIDE, SIDE), np.float32)
    kept[:, : SIDE // 2] = 1
    assert np.abs(lay(stained, target, mesh, kept).astype(int) - stained)[:, : SIDE // 2].max() <= 1


def paint_lips(pixels: Pixels, mesh: Mesh, colour: tuple[int, int, int], size: float) -> Pixels:
    """Lips `size` times what the mesh says they are."""
    ring = mesh[list(face.OUTER_LIPS), :2]
    points = np.round((ring.mean(0) + size * (ring - ring.mean(0))) * 16).astype(np.int32)
    return np.asarray(cv2.fillPoly(pixels.copy(), [points], colour, cv2.LINE_8, 4), np.uint8)


def test_lips_have_the_references_colour_within_the_targets_outline(target: Pixels, mesh: Mesh) -> None:
    """Where the reference's are drawn too wide, their rim would be a line around a smile."""
    violet, rose = (110, 40, 80), (190, 110, 105)
    new, own = paint_lips(target, mesh, violet, 1.4), paint_lips(target, mesh, rose, 1)
    shown, none = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    laid = lay_on_own_skin(new, own, shown, none, mesh, OWN_EYES, Grid.over(new.shape, 1))
    x, y = np.round(mesh[list(face.OUTER_LIPS), :2].mean(0)).astype(int)
    below = round(float(mesh[17, 1])) + 3
    assert np.abs(laid[y, x].astype(int) - violet).max() < 60
    assert np.abs(laid[below, x].astype(int) - FAIR).max() < 35
