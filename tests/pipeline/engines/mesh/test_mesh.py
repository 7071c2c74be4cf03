"""The mesh engine's parts: the target's pose and expression stay, the reference's shape and skin come, no hair does."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_core.errors import NoFaceFound
from mien_pipeline.engines.mesh.engine import REFERENCE_WARN_YAW_DEG, REFUSE_YAW_DEG, MeshEngine, MeshLikeness
from mien_pipeline.engines.mesh.expression import (
    match_lip_colour,
    remove_smile_folds,
    target_eyes_mask,
    target_mouth_mask,
)
from mien_pipeline.engines.mesh.eyes import CLOSED_OPENNESS, Eye, EyeSwap, plan_eye_swap, turn_irises
from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_pipeline.engines.mesh.lighting import relight
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.raster import extend_edges, rasterise
from mien_pipeline.engines.mesh.shape import MEAN_MOVE_LIMIT, blend_shape, mouth_openness
from mien_pipeline.engines.mesh.surroundings import map_origins
from mien_pipeline.engines.mesh.texture import Texture, unroll, vertex_facing, vertex_visibility
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, face_width, inter_ocular, topology
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.glasses import BRIDGE_COLOUR

Portrait = tuple[Image, Face]


def mesh_of(portrait: Portrait) -> Floats:
    mesh = portrait[1].mesh
    assert mesh is not None
    return mesh


def texture_at(texture: Texture, vertex: int) -> tuple[int, int]:
    """Row and column of a vertex in a texture."""
    side = texture.colour.shape[0]
    u, v = topology().uv[vertex]
    return int(v * side), int(u * side)


def rendered(likeness: MeshLikeness, target: Portrait, **options: object) -> Patch:
    return likeness.render(*target, MeshOptions.model_validate(options), ignore_step)


# shape


def test_a_face_that_gives_way_to_itself_stays_where_it_is(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    moved = np.linalg.norm(blend_shape(mesh, mesh, 1.0) - mesh, axis=1)
    assert moved.max() < 0.02 * inter_ocular(mesh)


def test_nothing_moves_when_the_targets_shape_is_asked_for(astronaut: Portrait, admiral: Portrait) -> None:
    mesh = mesh_of(astronaut)
    assert np.allclose(blend_shape(mesh, mesh_of(admiral), 0.0), mesh)


@settings(deadline=None)
@given(amount=st.floats(0, 1), turn=st.floats(-0.5, 0.5), size=st.floats(0.5, 2))
def test_the_shape_moves_no_further_than_the_expression_allows_however_the_reference_is_held(
    astronaut: Portrait, admiral: Portrait, amount: float, turn: float, size: float
) -> None:
    target = mesh_of(astronaut)
    around = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    moved = blend_shape(target, (mesh_of(admiral) @ around.T * size).astype(np.float32), amount)
    mean = np.linalg.norm((moved - target)[:, :2], axis=1).mean() / inter_ocular(target)
    assert mean <= MEAN_MOVE_LIMIT * 1.05


def test_a_tilted_reference_lends_the_same_shape_as_an_upright_one(astronaut: Portrait, admiral: Portrait) -> None:
    target, reference = mesh_of(astronaut), mesh_of(admiral)
    tilt = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)
    upright, tilted = blend_shape(target, reference, 0.7), blend_shape(target, reference @ tilt.T * 3 + 50, 0.7)
    assert np.abs(upright - tilted).max() < 0.01 * inter_ocular(target)


# raster and grid


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.37, -0.81), (-20.0, 11.5)])
def test_the_raster_gives_every_pixel_its_own_place_back(astronaut: Portrait, shift: tuple[float, float]) -> None:
    """But for rims, where a pixel that a triangle touches may lie a little outside it."""
    mesh = mesh_of(astronaut)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * 4 + np.array(shift)).astype(np.float32)
    raster = rasterise(points, mesh[:, 2], topology().triangles, (420, 500))
    rows, columns = np.nonzero(raster.covered)
    there = raster.interpolate(points)[rows, columns]
    away = np.abs(there - np.stack([columns, rows], 1)).max(1)
    assert np.median(away) < 0.01
    assert np.quantile(away, 0.95) < 1.5


def test_what_is_in_front_hides_what_is_behind() -> None:
    points = np.array([[0, 0], [20, 0], [0, 20], [0, 0], [20, 0], [0, 20]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    depth = np.array([5, 5, 5, 1, 1, 1], np.float32)
    assert set(rasterise(points, depth, triangles, (20, 20)).corners[4, 4].tolist()) == {3, 4, 5}


def test_values_grow_over_the_edge_and_stay_inside_it() -> None:
    covered = np.zeros((9, 9), bool)
    covered[3:6, 3:6] = True
    values = np.where(covered[..., None], np.arange(81).reshape(9, 9, 1), 0).astype(np.float32)
    result = extend_edges(values, covered)
    assert np.array_equal(result[covered], values[covered])
    assert result[0, 4, 0] == values[3, 4, 0]


@settings(deadline=None)
@given(height=st.integers(5, 70), width=st.integers(5, 70), step=st.integers(1, 7))
def test_a_plain_value_goes_down_to_the_grid_and_up_again_unchanged(height: int, width: int, step: int) -> None:
    grid = Grid.over((height, width), step)
    plain = np.full((height, width), 3.25, np.float32)
    assert np.allclose(grid.enlarge(grid.shrink(plain), plain.shape), plain)


def test_a_box_stays_inside_the_picture(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    box = Box.around(mesh, 10.0, (400, 300, 3))
    assert (box.left, box.top, box.right, box.bottom) == (0, 0, 300, 400)
    assert np.array_equal(box.to_local(mesh), mesh)


# surroundings


def test_the_surroundings_move_with_the_face_and_not_at_the_border(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * 0.5 + 20).astype(np.float32)
    size = (int(points[:, 0].max()) + 20, int(points[:, 1].max()) + 20)
    moved = points + np.array([2.0, 0.0], np.float32)
    places = map_origins(rasterise(moved, mesh[:, 2], topology().triangles, size), moved, points)
    columns = np.arange(size[0])
    across = columns - places[..., 0]
    assert across[int(moved[1, 1]), int(moved[1, 0])] == pytest.approx(2, abs=0.1)
    assert not across[:, [0, -1]].any()
    assert not across[[0, -1]].any()
    assert np.abs(np.diff(across, axis=1)).max() < 1  # nothing folds


# texture


def test_the_texture_shows_the_face_and_not_the_fringe(astronaut_likeness: MeshLikeness) -> None:
    texture = astronaut_likeness.texture
    for vertex in (1, 50, 280, 159, 386, 13):
        assert texture.validity[texture_at(texture, vertex)] > 200
    assert texture.validity[texture_at(texture, 10)] < 60


def test_a_strand_across_the_forehead_is_not_carried_over(admiral: Portrait) -> None:
    image, mesh = _unpacked(admiral)
    down = (mesh[9, :2] - mesh[10, :2]) * 0.5
    ends = mesh[[109, 338], :2] + down
    painted = image.pixels.copy()
    start, end = ((int(x), int(y)) for x, y in ends)
    cv2.line(painted, start, end, (40, 25, 20), 4)
    texture = unroll(replace(image, pixels=painted), mesh)
    (top, left), (bottom, right) = texture_at(texture, 109), texture_at(texture, 285)
    forehead = (slice(top, bottom), slice(left, right))
    shown = texture.colour[forehead][texture.validity[forehead] > 128]
    assert len(shown) > 100
    assert shown.mean(1).min() > 60  # the strand's own lightness is 28


def test_the_shadow_of_a_fringe_is_not_carried_over(admiral: Portrait) -> None:
    image, mesh = _unpacked(admiral)
    forehead = (mesh[9, :2] + mesh[10, :2]) / 2
    rows, columns = np.mgrid[: image.height, : image.width]
    away = np.hypot((columns - forehead[0]) / 22, (rows - forehead[1]) / 6)
    shadow = 1 - 0.35 * np.clip(1.5 - away, 0, 1)
    shaded = replace(image, pixels=(image.pixels * shadow[..., None]).astype(np.uint8))
    clear, cleared = (unroll(picture, mesh) for picture in (image, shaded))
    side = clear.colour.shape[0]
    u, v = (topology().uv[9] + topology().uv[10]) / 2
    middle = (slice(int(v * side) - 4, int(v * side) + 5), slice(int(u * side) - 10, int(u * side) + 11))
    assert cleared.colour[middle].mean() > 0.88 * clear.colour[middle].mean()


def test_another_faces_skin_begins_slowly_on_the_forehead(admiral_likeness: MeshLikeness) -> None:
    texture = admiral_likeness.texture
    (top, column), (bottom, _) = texture_at(texture, 10), texture_at(texture, 9)
    shown = texture.validity[max(top, 0) : bottom, column]
    assert np.count_nonzero((shown > 25) & (shown < 230)) > 0.028 * texture.colour.shape[0]


def test_a_references_glasses_are_painted_over_and_it_is_said(
    admiral_likeness: MeshLikeness, astronaut_likeness: MeshLikeness, astronaut: Portrait
) -> None:
    assert not astronaut_likeness.warnings
    assert rendered(admiral_likeness, astronaut).warnings == ("occluded",)
    texture = admiral_likeness.texture
    row, column = texture_at(texture, 168)
    across = cv2.cvtColor(texture.colour, cv2.COLOR_RGB2LAB)[row - 20 : row + 21, column - 3 : column + 4]
    steps = np.abs(np.diff(across.astype(np.float32).mean(1), axis=0))
    assert steps[:, 1:].max() < BRIDGE_COLOUR


def test_what_reference_and_target_share_is_said_once(admiral: Portrait, admiral_likeness: MeshLikeness) -> None:
    assert rendered(admiral_likeness, admiral).warnings.count("occluded") == 1


def _unpacked(portrait: Portrait) -> tuple[Image, Floats]:
    return portrait[0], mesh_of(portrait)


def test_beyond_the_edge_of_the_picture_nothing_was_seen(astronaut: Portrait) -> None:
    """A portrait cut off above the brows lends no smeared forehead."""
    image, mesh = _unpacked(astronaut)
    top = int(mesh[[105, 334], 1].min()) - 2
    cut = replace(image, pixels=np.ascontiguousarray(image.pixels[top:]))
    texture = unroll(cut, (mesh - np.array([0, top, 0])).astype(np.float32))
    assert texture.validity[texture_at(texture, 151)] < 30
    assert texture.validity[texture_at(texture, 1)] > 200


def test_a_cut_off_half_is_made_up_from_the_other(astronaut: Portrait) -> None:
    image, mesh = _unpacked(astronaut)
    left = int(mesh[1, 0])
    half = replace(image, pixels=np.ascontiguousarray(image.pixels[:, left:]))
    texture = unroll(half, (mesh - np.array([left, 0, 0])).astype(np.float32))
    cheek, mirrored = texture_at(texture, 50), texture_at(texture, 280)
    assert texture.validity[cheek] > 200
    assert np.abs(texture.colour[cheek].astype(int) - texture.colour[mirrored]).max() < 40


def test_a_face_turned_away_shows_its_near_side_alone(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    turn = np.deg2rad(50)
    around = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    centre = mesh.mean(0)
    turned_mesh = ((mesh - centre) @ around.T + centre).astype(np.float32)
    facing = vertex_facing(turned_mesh) * vertex_visibility(turned_mesh)
    sides = sorted([float(facing[234]), float(facing[454])])
    assert sides[0] == 0
    assert sides[1] > 0.5


# eyes


def eye(along: float = 0.0, down: float = 0.0, openness: float = 0.2) -> Eye:
    return Eye(along, down, openness)


def test_eyes_that_agree_are_the_references_own() -> None:
    left, right = plan_eye_swap((eye(), eye()), (eye(), eye()), own_gaze=False)
    assert left.share == right.share == 1


def test_shut_eyes_stay_shut() -> None:
    shut = eye(openness=CLOSED_OPENNESS - 0.03)
    assert [each.share for each in plan_eye_swap((eye(), eye()), (shut, shut), own_gaze=False)] == [0, 0]
    assert [each.share for each in plan_eye_swap((eye(), eye()), (shut, shut), own_gaze=True)] == [0, 0]


def test_a_wink_shuts_one_eye_alone() -> None:
    left, right = plan_eye_swap((eye(), eye()), (eye(openness=0.02), eye()), own_gaze=False)
    assert left.share == 0
    assert right.share > 0.9


@settings(deadline=None)
@given(
    one=st.builds(eye, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.1, 0.4)),
    two=st.builds(eye, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.1, 0.4)),
)
def test_two_open_eyes_are_exchanged_alike_so_that_they_have_one_colour(one: Eye, two: Eye) -> None:
    left, right = plan_eye_swap((eye(), eye()), (one, two), own_gaze=False)
    assert left.share == right.share
    assert 0 <= left.share <= 1


def test_the_iris_moves_to_where_the_target_looks_and_the_corners_stay(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    points = (mesh[:, :2] - mesh[:, :2].min(0)).astype(np.float32)
    height, width = int(points[:, 1].max()) + 2, int(points[:, 0].max()) + 2
    columns = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    places = np.stack([columns, np.tile(np.arange(height, dtype=np.float32)[:, None], (1, width))], 2)
    look = EyeSwap(1.0, 0.0, 0.1)
    found = turn_irises(places, points, (look, look))
    outer, inner = points[33], points[133]
    middle = (outer + inner) / 2
    moved = float(found[int(middle[1]), int(middle[0] + 0.1 * (inner - outer)[0]), 0])
    assert moved == pytest.approx(float(middle[0]), abs=0.6)
    assert np.abs(found[int(outer[1]), int(outer[0]) - 2] - places[int(outer[1]), int(outer[0]) - 2]).max() < 0.6


# expression


def test_an_open_mouth_is_the_targets_and_two_closed_ones_need_nothing_of_it(
    astronaut: Portrait, admiral: Portrait
) -> None:
    smiling, closed = mesh_of(astronaut), mesh_of(admiral)
    assert mouth_openness(smiling) > mouth_openness(closed)
    between = smiling[[13, 14], :2].mean(0).astype(int)
    shape = astronaut[0].pixels.shape
    assert target_mouth_mask(shape, smiling, closed)[between[1], between[0]] > 0.5
    assert target_mouth_mask(admiral[0].pixels.shape, closed, closed).max() < 0.3


def test_only_eyes_that_cannot_be_exchanged_are_kept(astronaut: Portrait) -> None:
    mesh, shape = mesh_of(astronaut), astronaut[0].pixels.shape
    whole, none = EyeSwap(1.0, 0, 0), EyeSwap(0.0, 0, 0)
    assert not target_eyes_mask(shape, mesh, (whole, whole)).any()
    kept = target_eyes_mask(shape, mesh, (none, whole))
    left, right = (mesh[list(ring), :2].mean(0).astype(int) for ring in (LEFT_EYE, RIGHT_EYE))
    assert kept[left[1], left[0]] > 0.9
    assert kept[right[1], right[0]] == 0


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
    assert _fine(without)[touched].std() < 0.9 * _fine(new)[touched].std()
    assert not np.abs(without - new)[: int(closed[168, 1])].any()  # the nose's bridge and above


@pytest.mark.parametrize("cast", [(0.5, 0.5, 0.5), (1.0, 0.7, 0.4), (0.3, 0.5, 0.9)])
def test_a_face_takes_the_targets_light_and_colour_cast(astronaut: Portrait, cast: tuple[float, ...]) -> None:
    """The same skin under another lamp is found again exactly."""
    mesh, pixels = mesh_of(astronaut), astronaut[0].pixels
    box = Box.around(mesh, 0.0, pixels.shape)
    face = pixels[box.part]
    light = np.clip((face / 255.0) ** 2.2 * np.array(cast), 0, 1)
    target: Pixels = np.round(light ** (1 / 2.2) * 255).astype(np.uint8)
    skin = np.ones(face.shape[:2], np.float32)
    result = relight(face, target, skin, np.zeros_like(skin), Grid.over(face.shape, 1), face_width(mesh))
    middle = (slice(20, -20), slice(20, -20))
    assert np.abs(result[middle].astype(int).mean((0, 1)) - target[middle].mean((0, 1))).max() < 6


# the whole engine


def test_a_result_keeps_the_targets_expression(
    detector: MeshDetector, astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    """The network that found the target's points finds them where they were: 5.5 % of the eyes' distance at most."""
    image, face = astronaut
    result = paste_back(image, rendered(admiral_likeness, astronaut))
    found = detector.refit(result, face).mesh
    assert found is not None
    away = np.linalg.norm((found - mesh_of(astronaut))[:, :2], axis=1).mean()
    assert away < 0.055 * inter_ocular(mesh_of(astronaut))


def test_grain_is_what_the_cheeks_show_not_what_a_beard_does(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    image, _ = astronaut
    rough = image.pixels.astype(np.float32)
    mesh = mesh_of(astronaut)
    below, above = round(float(mesh[0, 1])), round(float(mesh[8, 1]))
    noise = np.random.default_rng(0).normal(0, 25, rough.shape)
    rough[below:] += noise[below:]
    rough[:above] += noise[:above]
    bearded = replace(image, pixels=np.clip(rough, 0, 255).astype(np.uint8))
    cheek = np.zeros(image.pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(cheek, np.round(cv2.convexHull(mesh[[50, 101, 36, 205], :2])).astype(np.int32), (1,))
    plain, beside = (
        paste_back(target, rendered(admiral_likeness, (target, astronaut[1]))).pixels for target in (image, bearded)
    )
    grain = [np.median(np.abs(_fine(pixels)[cheek > 0])) for pixels in (plain, beside)]
    assert abs(np.log2(grain[1] / grain[0])) < 0.3


def test_the_new_face_has_the_grain_of_the_target(admiral: Portrait, astronaut_likeness: MeshLikeness) -> None:
    image, face = admiral
    noise = np.random.default_rng(0).normal(0, 9, image.pixels.shape)
    noisy = replace(image, pixels=np.clip(image.pixels + noise, 0, 255).astype(np.uint8))
    result = paste_back(noisy, rendered(astronaut_likeness, (noisy, face))).pixels
    cheeks = np.zeros(image.pixels.shape[:2], np.uint8)
    for group in ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411)):
        cv2.fillConvexPoly(cheeks, np.round(mesh_of(admiral)[list(group), :2]).astype(np.int32), (1,))
    grain = [np.median(np.abs(_fine(pixels)[cheeks > 0])) for pixels in (noisy.pixels, result)]
    assert abs(np.log2(grain[1] / grain[0])) < 0.3


def _fine(pixels: Pixels | Floats) -> Floats:
    values = pixels.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 1.0), np.float32)


def test_glasses_and_a_cap_are_still_there_afterwards(admiral: Portrait, astronaut_likeness: MeshLikeness) -> None:
    image, mesh = _unpacked(admiral)
    patch = rendered(astronaut_likeness, admiral)
    result = paste_back(image, patch).pixels
    assert "occluded" in patch.warnings
    cap = mesh[10, :2].astype(int) - [0, 12]
    assert np.abs(result[cap[1], cap[0]].astype(int) - image.pixels[cap[1], cap[0]]).max() < 30
    bar = mesh[168, :2].astype(int)
    around = (slice(bar[1] - 4, bar[1] + 5), slice(bar[0] - 4, bar[0] + 5))
    assert np.abs(result[around].mean((0, 1)) - image.pixels[around].mean((0, 1))).max() < 25


def test_a_face_turned_too_far_is_left_alone_and_says_so(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    image, face = astronaut
    patch = rendered(admiral_likeness, (image, replace(face, yaw_deg=REFUSE_YAW_DEG + 1)))
    assert not patch.mask.any()
    assert patch.warnings == ("hard-angle",)


def test_a_reference_turned_away_or_unclear_is_refused(engine: MeshEngine, astronaut: Portrait) -> None:
    image, face = astronaut
    for doubtful in (replace(face, yaw_deg=-REFUSE_YAW_DEG - 1), replace(face, mesh_score=0.5)):
        with pytest.raises(NoFaceFound) as refused:
            engine.prepare(image, doubtful)
        assert refused.value.fields["role"] == "reference"


def test_what_limits_a_result_is_said(engine: MeshEngine, astronaut: Portrait, admiral: Portrait) -> None:
    image, face = astronaut
    turned_reference = engine.prepare(admiral[0], replace(admiral[1], yaw_deg=REFERENCE_WARN_YAW_DEG + 1))
    assert "reference-angle" in rendered(turned_reference, astronaut).warnings
    likeness = engine.prepare(*admiral)
    assert "hard-angle" in rendered(likeness, (image, replace(face, yaw_deg=36.0))).warnings
    dark = replace(image, pixels=(image.pixels * 0.15).astype(np.uint8))
    assert "low-light" in rendered(likeness, (dark, face)).warnings
    assert rendered(likeness, astronaut).warnings == likeness.warnings


def test_a_small_face_is_swapped_and_says_so(admiral_likeness: MeshLikeness, astronaut: Portrait) -> None:
    image, face = astronaut
    assert face.mesh is not None
    scale = 0.5
    small = np.asarray(cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    shrunk = replace(face, mesh=(face.mesh * scale).astype(np.float32), bbox=face.bbox * np.float32(scale))
    patch = rendered(admiral_likeness, (replace(image, pixels=small), shrunk))
    assert "small-face" in patch.warnings
    assert patch.mask.any()
