"""Lips promise a hue that suits their skin, and no paint, shine or shade of another mouth."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.lips import bound_lips, match_lip_colour, temper_lips
from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import INNER_LIPS, OUTER_LIPS, topology
from mien_pipeline.image import Floats
from mien_testing.portraits import Portrait, mesh_of

SHAPE = 520, 480


def test_lips_of_a_face_that_is_made_four_times_lighter_are_as_the_targets(astronaut: Portrait) -> None:
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    pale = np.full_like(target, 245)
    lip = mesh[17, :2].astype(int)
    tempered = temper_lips(pale, target, (0.05, 0.4), mesh)
    assert tempered[lip[1], lip[0]].mean() < 200
    assert np.array_equal(temper_lips(pale, target, (0.4, 0.4), mesh), pale)


def test_lips_beside_dark_skin_do_not_turn_purple_in_the_light_of_a_fair_face(astronaut: Portrait) -> None:
    """They were nearly as blue as the skin was; no channel passes the target's own lips."""
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    lips = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(lips, [np.round(mesh[list(OUTER_LIPS), :2]).astype(np.int32)], (1,))
    target[lips > 0] = (190, 120, 115)
    purple = np.zeros_like(target) + np.array([190, 125, 180], np.float32)
    tempered = temper_lips(purple.copy(), target, (0.2, 0.4), mesh)[lips > 0].mean(0)
    assert 115 < tempered[2] < 150
    redder = np.zeros_like(target) + np.array([190, 80, 70], np.float32)
    assert np.abs(temper_lips(redder.copy(), target, (0.2, 0.4), mesh)[lips > 0].mean(0) - redder[0, 0]).max() < 30


def test_lips_are_neither_violet_nor_grey_nor_black_and_lipstick_stays(astronaut: Portrait) -> None:
    mesh, target = mesh_of(astronaut), np.full_like(astronaut[0].pixels, (205, 160, 140)).astype(np.float32)
    skin = np.ones(target.shape[:2], np.float32)
    row, column = mesh[15, :2].astype(int)[::-1]
    cv2.fillPoly(target, [np.round(mesh[list(OUTER_LIPS), :2]).astype(np.int32)], (190, 110, 105))

    def paint(*colour: int) -> Floats:
        painted = np.full_like(target, colour)
        return np.asarray(bound_lips(painted, target, skin, mesh)[row, column])

    for strange in ((130, 90, 150), (90, 90, 95), (20, 18, 20)):
        red, green, blue = paint(*strange)
        assert red > green
        assert red > 1.2 * blue
        assert red + green + blue > 200
    assert paint(190, 70, 60) == pytest.approx((190, 70, 60), abs=12)
    red, green, _ = paint(200, 30, 20)
    assert red < 3 * green, "no lipstick is as red as that on this skin"


def test_closed_lips_take_the_new_faces_colour_and_keep_their_line(admiral: Portrait) -> None:
    mesh = mesh_of(admiral)
    target = admiral[0].pixels.astype(np.float32)
    new = np.full_like(target, 0) + np.array([180, 90, 90], np.float32)
    lips = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(lips, [np.round(mesh[list(OUTER_LIPS), :2]).astype(np.int32)], (1,))
    mean = match_lip_colour(target, new, mesh)[lips > 0].mean(0)
    assert np.abs(mean - new[0, 0]).max() < 25
    assert np.std(match_lip_colour(target, new, mesh)[lips > 0][:, 1]) > 2


def test_an_open_mouth_loses_its_lipstick_and_keeps_its_teeth(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    target = np.full((*astronaut[0].pixels.shape[:2], 3), (220, 30, 40), np.float32)
    teeth = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(teeth, [np.round(mesh[list(INNER_LIPS), :2]).astype(np.int32)], (1,))
    target[teeth > 0] = (225, 220, 210)
    result = match_lip_colour(target, np.full_like(target, 0) + np.array([150, 100, 95], np.float32), mesh)
    upper = ((mesh[0, :2] + mesh[13, :2]) / 2).astype(int)
    assert np.allclose(result[upper[1], upper[0]], (150, 100, 95), atol=12)
    assert np.abs(result[teeth > 0] - target[teeth > 0]).max() < 50


def test_dark_lips_that_turn_pale_get_neither_yellow_shine_nor_purple_corners(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    target = np.full((*astronaut[0].pixels.shape[:2], 3), (150, 70, 75), np.float32)
    shine, corner = (tuple(np.round(mesh[vertex, :2]).astype(int)[::-1]) for vertex in (17, 61))
    for (row, column), colour in ((shine, (225, 110, 80)), (corner, (60, 20, 50))):
        cv2.circle(target, (int(column), int(row)), 3, colour, -1)
    pale = np.full_like(target, 0) + np.array([200, 150, 140], np.float32)
    result = match_lip_colour(target, pale, mesh)
    assert np.allclose(result[shine][0], 226, atol=2), "as light as it was"
    assert result[shine][1] / result[shine][0] < 0.8
    assert result[corner][2] / result[corner][0] < 0.9


def test_lips_on_skin_that_becomes_lighter_shine_no_more_than_the_targets(astronaut: Portrait) -> None:
    """The target's mean colour alone would turn their shine to white."""
    mesh, target = mesh_of(astronaut), np.full_like(astronaut[0].pixels, 120).astype(np.float32)
    lips = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(lips, [np.round(mesh[list(OUTER_LIPS), :2]).astype(np.int32)], (1,))
    new = np.where(np.random.default_rng(0).random(target.shape[:2]) < 0.1, 150.0, 60.0).astype(np.float32)
    tempered = temper_lips(np.repeat(new[..., None], 3, 2), target, (0.05, 0.2), mesh)
    lower = tuple(slice(each - 2, each + 3) for each in np.round(mesh[[16, 85, 315], :2].mean(0)).astype(int)[::-1])
    assert lips[lower].all()
    assert tempered[lower].max() < 1.5 * np.median(tempered[lower])


def test_hair_over_lips_does_not_make_them_lighter(astronaut: Portrait) -> None:
    """The lips that show between a moustache's hairs get the target's colour, and no more of it."""
    mesh, target = mesh_of(astronaut), np.full_like(astronaut[0].pixels, 120).astype(np.float32)
    hair = np.random.default_rng(0).random(target.shape[:2]) < 0.25
    new = np.repeat(np.where(hair, 20.0, 100.0).astype(np.float32)[..., None], 3, 2)
    tempered = temper_lips(new.copy(), target, (0.05, 0.2), mesh)
    lower = tuple(slice(each - 2, each + 3) for each in np.round(mesh[[16, 85, 315], :2].mean(0)).astype(int)[::-1])
    assert 100 < tempered[lower][~hair[lower]].mean() < 130


def paint_lips(mesh: Mesh, skin: tuple[int, int, int], lips: tuple[int, int, int], size: float = 1.0) -> Floats:
    """A face of one colour, and its lips of another, `size` times what the mesh says they are."""
    painted = np.full((*SHAPE, 3), skin, np.float32)
    ring = mesh[list(OUTER_LIPS), :2]
    middle = ring.mean(0)
    cv2.fillPoly(painted, [np.round(middle + size * (ring - middle)).astype(np.int32)], lips)
    return painted


@pytest.fixture
def canonical() -> Mesh:
    """The canonical face, 400 pixels wide."""
    points = topology().vertices / np.ptp(topology().vertices[:, 0]) * 400
    return np.asarray(points - points.mean(0) + np.array([SHAPE[1] / 2, SHAPE[0] / 2, 0]), np.float32)


def test_skin_that_the_mesh_counts_as_lips_gets_no_lipstick(canonical: Mesh) -> None:
    target = paint_lips(canonical, (215, 175, 155), (190, 115, 110), 0.9)
    result = match_lip_colour(target, paint_lips(canonical, (215, 175, 155), (120, 40, 60)), canonical)
    skin, lower = (canonical[vertex, :2].astype(int)[::-1] for vertex in (17, 15))
    assert np.abs(result[skin[0] - 2, skin[1]] - (215, 175, 155)).max() < 30
    assert np.abs(result[lower[0] + 6, lower[1]] - (120, 40, 60)).max() < 12


def test_what_changes_on_lips_is_smooth_and_their_grain_stays(canonical: Mesh) -> None:
    noise = np.random.default_rng(0).normal(0, 12, (*SHAPE, 3)).astype(np.float32)
    target = paint_lips(canonical, (205, 165, 145), (170, 100, 95)) + noise
    result = match_lip_colour(target, paint_lips(canonical, (205, 165, 145), (170, 100, 95)), canonical)
    assert np.abs(result - target).max() < 40
    assert np.abs(result - target).mean() < 0.5


def test_grey_teeth_keep_their_lightness(canonical: Mesh) -> None:
    """Nothing is redder than anything there."""
    target = paint_lips(canonical, (170, 170, 170), (120, 120, 120))
    cv2.fillPoly(target, [np.round(canonical[list(INNER_LIPS), :2]).astype(np.int32)], (220, 220, 220))
    result = match_lip_colour(target, paint_lips(canonical, (170, 170, 170), (70, 70, 70)), canonical)
    teeth = np.zeros(SHAPE, np.uint8)
    cv2.fillPoly(teeth, [np.round(canonical[list(INNER_LIPS), :2]).astype(np.int32)], (1,))
    deep = cv2.erode(teeth, np.ones((5, 5), np.uint8)) > 0
    lower = canonical[17, :2].astype(int)[::-1] - (6, 0)
    assert result[deep].mean() > 205
    assert result[tuple(lower)].max() < 90
