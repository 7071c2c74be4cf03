"""Lips promise a hue that suits their skin, and no paint, shine or shade of another mouth."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.lips import bound_lips, match_lip_colour, temper_lips
from mien_pipeline.faces.topology import INNER_LIPS, OUTER_LIPS
from mien_pipeline.image import Floats
from mien_testing.portraits import Portrait, mesh_of


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
    target[shine], target[corner] = (225, 110, 80), (60, 20, 50)
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
