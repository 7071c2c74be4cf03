"""The texture shows this person's skin and features, and nothing of hair, shadow, glasses or what was not seen."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.texture import Texture, unroll, vertex_facing, vertex_visibility
from mien_pipeline.face import Patch
from mien_pipeline.faces.topology import topology
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.glasses import BRIDGE_COLOUR
from mien_testing.portraits import Portrait, mesh_of


def rendered(likeness: MeshLikeness, target: Portrait, **options: object) -> Patch:
    return likeness.render(*target, MeshOptions.model_validate(options), ignore_step)


def texture_at(texture: Texture, vertex: int) -> tuple[int, int]:
    """Row and column of a vertex in a texture."""
    side = texture.colour.shape[0]
    u, v = topology().uv[vertex]
    return int(v * side), int(u * side)


def test_the_texture_shows_the_face_and_not_the_fringe(astronaut_likeness: MeshLikeness) -> None:
    texture = astronaut_likeness.texture
    for vertex in (1, 50, 280, 159, 386, 13):
        assert texture.validity[texture_at(texture, vertex)] > 200
    assert texture.validity[texture_at(texture, 10)] < 60


def test_a_strand_across_the_forehead_is_not_carried_over(admiral: Portrait) -> None:
    image, mesh = admiral[0], mesh_of(admiral)
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
    image, mesh = admiral[0], mesh_of(admiral)
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


def test_beyond_the_edge_of_the_picture_nothing_was_seen(astronaut: Portrait) -> None:
    """A portrait cut off above the brows lends no smeared forehead."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    top = int(mesh[[105, 334], 1].min()) - 2
    cut = replace(image, pixels=np.ascontiguousarray(image.pixels[top:]))
    texture = unroll(cut, (mesh - np.array([0, top, 0])).astype(np.float32))
    assert texture.validity[texture_at(texture, 151)] < 30
    assert texture.validity[texture_at(texture, 1)] > 200


def test_a_cut_off_half_is_made_up_from_the_other(astronaut: Portrait) -> None:
    image, mesh = astronaut[0], mesh_of(astronaut)
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
