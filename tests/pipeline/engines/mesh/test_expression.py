"""Expression: mouth, eyes and folds are those of the target's expression, in the reference's colours."""

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.expression import (
    LIP_EDGE,
    calm_eyes,
    dim_eyes,
    light_teeth,
    match_surroundings,
    remove_smile_folds,
    target_eyes_mask,
    target_mouth_mask,
)
from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.shape import mouth_openness
from mien_pipeline.face import Mesh
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, face_width
from mien_pipeline.skin.mask import cheek_mask
from mien_testing.portraits import Portrait, fine_detail, mesh_of


def test_an_open_mouth_is_the_targets_and_two_closed_ones_need_nothing_of_it(
    astronaut: Portrait, admiral: Portrait
) -> None:
    smiling, closed = mesh_of(astronaut), mesh_of(admiral)
    assert mouth_openness(smiling) > mouth_openness(closed)
    between = smiling[[13, 14], :2].mean(0).astype(int)
    shape = astronaut[0].pixels.shape
    assert target_mouth_mask(shape, smiling, closed)[between[1], between[0]] > 0.5
    assert target_mouth_mask(admiral[0].pixels.shape, closed, closed).max() < 0.3


def test_no_tooth_of_a_smile_shows_beside_closed_lips(astronaut: Portrait, admiral: Portrait) -> None:
    """A mesh is a little off: beside the line between closed lips, more stays the target's when teeth are near."""
    closed, smiling, shape = mesh_of(admiral), mesh_of(astronaut), admiral[0].pixels.shape
    x, y = closed[13, :2] - (0, 1.5 * LIP_EDGE * face_width(closed))
    assert target_mouth_mask(shape, closed, smiling)[round(float(y)), round(float(x))] > 0.5


def test_lips_that_do_not_laugh_stay_the_targets_where_the_reference_does(
    admiral: Portrait, astronaut: Portrait
) -> None:
    """A laugh drawn shut is a pinched mouth. A smile may be drawn onto closed lips, and a laugh onto a laugh."""
    closed, shape = mesh_of(admiral), admiral[0].pixels.shape
    lips = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(lips, [np.round(closed[list(OUTER_LIPS), :2]).astype(np.int32)], (1,))
    lower_lip = (cv2.erode(lips, np.ones((5, 5))) > 0) & (np.arange(shape[0])[:, None] > closed[14, 1] + 4)
    laughing = _open_mouth(closed, 0.4)
    assert target_mouth_mask(shape, closed, laughing)[lower_lip].min() > 0.9
    assert target_mouth_mask(shape, closed, mesh_of(astronaut))[lower_lip].max() < 0.5
    assert not target_mouth_mask(shape, laughing, laughing).any()


def _open_mouth(mesh: Mesh, openness: float) -> Mesh:
    opened = mesh.copy()
    opened[14] = mesh[13] + (0, openness * np.linalg.norm(mesh[61] - mesh[291]), 0)
    return opened


def test_two_mouths_that_smile_alike_show_the_references_teeth(astronaut: Portrait) -> None:
    """Nothing of the target's stays between its lips, and the teeth are as light as its own were."""
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    assert not target_mouth_mask(target.shape, mesh, mesh).any()
    turned = mesh @ np.array([[0.94, 0, 0.34], [0, 1, 0], [-0.34, 0, 0.94]], np.float32)
    assert target_mouth_mask(target.shape, mesh, turned).max() > 0.9  # teeth lie behind the lips
    dim = (astronaut[0].pixels * np.array([0.5, 0.4, 0.3])).astype(np.uint8)
    lit = light_teeth(np.full_like(target, 30), dim, target, mesh, mesh)
    teeth = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(teeth, [np.round(mesh[list(INNER_LIPS), :2]).astype(np.int32)], (1,))
    inside = cv2.erode(teeth, np.ones((3, 3), np.uint8)) > 0
    assert np.abs(lit[inside].mean(0) - target[inside].mean(0)).max() < 45


def test_an_eye_that_a_red_lamp_lit_is_no_redder_than_the_targets_skin(astronaut: Portrait) -> None:
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    cheek = cheek_mask(target.shape, mesh)
    of_skin = np.median(target[cheek > 0], axis=0)
    lit = calm_eyes(target * np.array([1, 0.5, 0.5], np.float32), target, cheek, mesh)
    same = calm_eyes(target.copy(), target, cheek, mesh)
    for ring in (LEFT_EYE, RIGHT_EYE):
        x, y = np.round(mesh[list(ring), :2].mean(0)).astype(int)
        eye = slice(y - 2, y + 3), slice(x - 4, x + 5)
        assert lit[eye][..., 0].mean() < 1.15 * of_skin[0] / of_skin[1] * lit[eye][..., 1].mean()
        assert np.abs(same[eye] - target[eye]).mean() < 5


@pytest.mark.parametrize("light", [(1, 1, 0.3), (0.4, 0.4, 1)])
def test_an_eye_in_a_varnish_or_a_veil_is_nearly_in_the_targets_light(
    astronaut: Portrait, light: tuple[float, ...]
) -> None:
    """A third of how much too yellow or too blue a brown iris is goes at least; whites lose more."""
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    tinted = target * np.array(light, np.float32)
    lit = calm_eyes(tinted.copy(), target, cheek_mask(target.shape, mesh), mesh)
    for ring in (LEFT_EYE, RIGHT_EYE):
        x, y = np.round(mesh[list(ring), :2].mean(0)).astype(int)
        eye = slice(y - 2, y + 3), slice(x - 4, x + 5)
        blue, before, wanted = (each[eye][..., 2].mean() / each[eye].mean() for each in (lit, tinted, target))
        assert abs(blue - wanted) < 0.67 * abs(before - wanted)


def test_only_eyes_that_cannot_be_exchanged_are_kept(astronaut: Portrait) -> None:
    mesh, shape = mesh_of(astronaut), astronaut[0].pixels.shape
    whole, none = EyeSwap(1.0, 0, 0), EyeSwap(0.0, 0, 0)
    assert not target_eyes_mask(shape, mesh, (whole, whole)).any()
    kept = target_eyes_mask(shape, mesh, (none, whole))
    left, right = (mesh[list(ring), :2].mean(0).astype(int) for ring in (LEFT_EYE, RIGHT_EYE))
    assert kept[left[1], left[0]] > 0.9
    assert kept[right[1], right[0]] == 0


def test_a_shut_eye_keeps_its_lids_and_what_is_around_them_in_the_new_faces_colours(astronaut: Portrait) -> None:
    mesh, pixels = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    shut, open_eye = EyeSwap(0.0, 0, 0, shut=True), EyeSwap(0.0, 0, 0)
    lids, eyes = (target_eyes_mask(pixels.shape, mesh, (each, each)) for each in (shut, open_eye))
    crease = mesh[[27, 257], :2].astype(int)  # above the upper lids
    assert all(lids[y, x] > 0.5 > eyes[y, x] for x, y in crease)
    darker = pixels * np.array([0.5, 0.6, 0.7], np.float32)
    grid = Grid.over(pixels.shape, Grid.step_for(face_width(mesh)))
    skin = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillConvexPoly(skin, np.round(cv2.convexHull(np.ascontiguousarray(mesh[:, :2]))).astype(np.int32), (1,))
    matched = match_surroundings(pixels, darker, skin, lids, grid, face_width(mesh))
    assert all(np.allclose(matched[y, x], darker[y, x], rtol=0.25, atol=6) for x, y in crease)


def test_eyes_of_a_face_that_is_made_lighter_do_not_glow(astronaut: Portrait) -> None:
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    whole = EyeSwap(1.0, 0, 0)
    glowing, drawn = np.full_like(target, 250), astronaut[0].pixels
    dimmed = dim_eyes(glowing, drawn, target, (0.3, 0.3), mesh, (whole, whole))
    eye = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(eye, [np.round(mesh[list(LEFT_EYE), :2]).astype(np.int32)], (1,))
    inside = cv2.erode(eye, np.ones((3, 3), np.uint8)) > 0
    assert dimmed[inside].mean() < 1.15 * np.quantile(target[inside].mean(1), 0.9)
    same = dim_eyes(target, drawn, target, (0.3, 0.3), mesh, (whole, whole))
    assert np.array_equal(same, target)


def test_brown_eyes_of_a_dark_face_do_not_turn_blue_on_a_fair_one(astronaut: Portrait) -> None:
    """Skin is made lighter most in blue. Eyes take the light that falls on their whites."""
    mesh, target = mesh_of(astronaut), astronaut[0].pixels.astype(np.float32)
    eye = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(eye, [np.round(mesh[list(LEFT_EYE), :2]).astype(np.int32)], (1,))
    iris = cv2.erode(eye, np.ones((5, 5), np.uint8)) > 0
    drawn, bluish = astronaut[0].pixels.copy(), target.copy()
    drawn[iris], bluish[iris] = (40, 28, 22), (80, 90, 110)
    whole = EyeSwap(1.0, 0, 0)
    brown = dim_eyes(bluish, drawn, target, (0.1, 0.4), mesh, (whole, whole))[iris].mean(0)
    assert brown[0] > brown[2]


def test_only_a_reference_that_smiles_more_loses_folds_and_only_beside_the_mouth(
    astronaut: Portrait, admiral: Portrait
) -> None:
    smiling, closed = mesh_of(astronaut), mesh_of(admiral)
    grid = Grid.over(admiral[0].pixels.shape, 1)
    new = admiral[0].pixels.astype(np.float32)
    assert remove_smile_folds(new, smiling, smiling, grid) is new
    assert remove_smile_folds(new, smiling, closed, grid) is new
    without = remove_smile_folds(new, closed, smiling, grid)
    touched = np.abs(without - new).max(2) > 2
    assert touched.any()
    assert fine_detail(without)[touched].std() < 0.9 * fine_detail(new)[touched].std()
    assert not np.abs(without - new)[: int(closed[168, 1])].any()  # the nose's bridge and above
