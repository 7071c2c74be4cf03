"""The texture shows this person's skin and features, and nothing of hair, shadow, glasses or what was not seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.texture import Texture, read_view, texture_side, unroll
from mien_pipeline.face import Mesh, Patch
from mien_pipeline.faces.facing import vertex_facing, vertex_visibility
from mien_pipeline.faces.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, face_width, topology
from mien_pipeline.image import Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.beards import lay_back
from mien_testing.portraits import Portrait, mesh_of


def rendered(likeness: MeshLikeness, target: Portrait, **options: object) -> Patch:
    return likeness.render(*target, MeshOptions.model_validate(options), ignore_step)


def texture_at(texture: Texture, vertex: int) -> tuple[int, int]:
    """Row and column of a vertex in a texture."""
    side = texture.colour.shape[0]
    u, v = topology().uv[vertex]
    return int(v * side), int(u * side)


def draw_glasses(pixels: Pixels, mesh: Mesh, thickness: int) -> Pixels:
    """(H, W, 3) with half-rim glasses: a bar and upper rims of some thickness, lower rims of one pixel."""
    worn = pixels.copy()
    width = face_width(mesh)
    for ring in (LEFT_EYE, RIGHT_EYE):
        x, y = (round(float(value)) for value in mesh[list(ring), :2].mean(0))
        axes = round(0.15 * width), round(0.12 * width)
        cv2.ellipse(worn, (x, y), axes, 0, 180, 360, (20, 20, 25), thickness)
        cv2.ellipse(worn, (x, y), axes, 0, 0, 180, (20, 20, 25), 1)
    bridge = round(float(mesh[168, 1]))
    left, right = (round(float(mesh[vertex, 0])) for vertex in (133, 362))
    cv2.line(worn, (left, bridge), (right, bridge), (20, 20, 25), thickness)
    return worn


def draw_beard(pixels: Pixels, mesh: Mesh) -> Pixels:
    """(H, W, 3) with a moustache and a goatee of dark strokes, alike on both sides."""
    bearded, middle = pixels.copy(), float(mesh[152, 0])
    rng = np.random.default_rng(0)
    hull = cv2.convexHull(mesh[[57, 212, 202, 204, 194, 201, 18, 421, 418, 424, 422, 432, 287, 152], :2])
    low, high = hull[:, 0].min(0), hull[:, 0].max(0)
    for _ in range(1500):
        x, y = (float(value) for value in rng.uniform(low, high))
        if cv2.pointPolygonTest(hull, (x, y), False) > 0:
            for side in (x, 2 * middle - x):
                cv2.line(bearded, (round(side), round(y)), (round(side), round(y) + 3), (35, 25, 20), 1)
    return bearded


def test_the_texture_shows_the_face_and_not_the_fringe(astronaut_likeness: MeshLikeness) -> None:
    texture = astronaut_likeness.texture
    for vertex in (1, 50, 280, 159, 386, 13):
        assert texture.validity[texture_at(texture, vertex)] > 200
    below, hairline = (texture.colour[texture_at(texture, vertex)].astype(int) for vertex in (151, 10))
    assert np.abs(below - hairline).max() < 30  # skin is made where the fringe was


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
    assert len(shown) > 40  # beside what her glasses hide
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
    assert rendered(admiral_likeness, astronaut).warnings == ("reference-covered",)


def test_where_a_frame_hides_brows_and_eyes_the_target_keeps_its_own(
    admiral_likeness: MeshLikeness, astronaut: Portrait
) -> None:
    """Grace Hopper's black browline was taken for her brows, and its shadow smeared over the lids."""
    texture = admiral_likeness.texture
    for vertex in (105, 66, 334, 296):
        assert texture.validity[texture_at(texture, vertex)] < 25
    patch = rendered(admiral_likeness, astronaut)
    result = paste_back(astronaut[0], patch).pixels
    mesh = mesh_of(astronaut)
    brows = slice(int(mesh[[105, 334], 1].min()) - 4, int(mesh[159, 1]) - 2), slice(int(mesh[70, 0]), int(mesh[300, 0]))
    assert np.quantile(result[brows].max(2), 0.01) > 0.8 * np.quantile(astronaut[0].pixels[brows].max(2), 0.01)
    assert patch.intent is not None
    assert patch.intent.painted_over < 0.03


@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_drawn_glasses_are_gone_from_the_texture(astronaut: Portrait, thickness: int) -> None:
    """A bar over the bridge, an upper half-rim, and a lower rim of one pixel, as on real half-rim glasses."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    worn = replace(image, pixels=draw_glasses(image.pixels, mesh, thickness))
    bare, cleared = unroll(image, mesh), unroll(worn, mesh)
    assert (bare.glasses, cleared.glasses) == (False, True)
    skin = np.zeros(bare.colour.shape[:2], np.uint8)
    for vertices in ((6, 193, 197, 417), (118, 101, 100, 119), (347, 330, 329, 348)):  # the bridge, under both eyes
        outline = np.array([texture_at(bare, vertex)[::-1] for vertex in vertices], np.int32)
        cv2.fillConvexPoly(skin, outline, (1,))
    away = np.abs(bare.colour.astype(int) - cleared.colour).mean(2)[skin > 0]
    assert np.quantile(away, 0.95) < 25  # the frame's own code values are 150 away from the skin's


def test_a_beard_is_the_references_own_on_both_sides_alike(astronaut: Portrait) -> None:
    image, mesh = astronaut[0], mesh_of(astronaut)
    bearded = unroll(replace(image, pixels=draw_beard(image.pixels, mesh)), mesh)
    colour, darkness, shown = lay_back(bearded), [], []
    for side in ((212, 202, 204, 194), (432, 422, 424, 418)):
        places = [texture_at(bearded, vertex) for vertex in side]
        darkness.append(np.mean([255 - colour[place].mean() for place in places]))
        shown.append(min(bearded.validity[place] for place in places))
    assert min(shown) > 200
    assert abs(darkness[0] / darkness[1] - 1) < 0.2
    assert darkness[0] > 100
    row, column = texture_at(bearded, 204)
    assert bearded.skin[row, column] < 128  # light is not learnt from a beard


def test_a_fringe_down_to_the_brows_gives_way_to_a_forehead_as_the_cheeks_are(admiral: Portrait) -> None:
    image, mesh = admiral[0], mesh_of(admiral)
    painted = image.pixels.copy()
    top = round(float(mesh[10, 1])) - 25
    hair = painted[top - 8 : top - 2, round(float(mesh[10, 0])) - 40 : round(float(mesh[10, 0])) + 40]
    rng = np.random.default_rng(0)
    for x in np.linspace(float(mesh[54, 0]), float(mesh[284, 0]), 60):
        colour = [int(value) for value in hair[rng.integers(len(hair)), rng.integers(hair.shape[1])]]
        end = float(mesh[[105, 334], 1].min()) - 6 + rng.normal(0, 2)
        cv2.line(painted, (round(x), top), (round(x + rng.normal(0, 3)), round(end)), colour, 4)
    texture = unroll(replace(image, pixels=painted), mesh)
    forehead = [texture.colour[texture_at(texture, vertex)].astype(float) for vertex in (151, 108, 337)]
    cheeks = [texture.colour[texture_at(texture, vertex)].astype(float) for vertex in (50, 280)]
    assert np.abs(np.mean(forehead, 0) - np.mean(cheeks, 0)).max() < 45


def test_an_ear_beside_the_face_is_not_carried_over(astronaut_likeness: MeshLikeness) -> None:
    texture = astronaut_likeness.texture
    edges = [texture.validity[texture_at(texture, vertex)] for vertex in (93, 234, 127, 323, 454, 356)]
    assert max(edges) < 128


def test_beyond_the_edge_of_the_picture_skin_is_made_and_nothing_smeared(astronaut: Portrait) -> None:
    """A portrait that is cut off above the brows lends a plain forehead, and no pixel of the picture's edge."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    top = int(mesh[[105, 334], 1].min()) - 2
    painted = image.pixels[top:].copy()
    painted[:1] = (0, 255, 0)
    texture = unroll(replace(image, pixels=painted), (mesh - np.array([0, top, 0])).astype(np.float32))
    forehead, cheek = (texture.colour[texture_at(texture, vertex)].astype(int) for vertex in (151, 50))
    assert np.abs(forehead - cheek).max() < 60
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


@pytest.mark.parametrize("side", [0, 1])
def test_the_underside_of_a_nose_is_never_mixed_from_both_nostrils(admiral: Portrait, side: int) -> None:
    """Neither side of it faces the viewer, so chance used to decide, and left specks."""
    image, mesh = admiral[0], mesh_of(admiral)
    half = [((1, 44, 45, 220, 115, 48, 64, 98, 97, 2)), ((1, 274, 275, 440, 344, 278, 294, 327, 326, 2))][side]
    painted = image.pixels.copy()
    hull = cv2.convexHull(np.round(mesh[list(half), :2]).astype(np.int32))
    cv2.fillConvexPoly(painted, hull, (0, 200, 0))
    texture = unroll(replace(image, pixels=painted), mesh)
    shape = texture.colour.shape[:2]
    own, other = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for filled, mirrored in ((own, False), (other, True)):
        places = topology().uv[list(half)] * texture.colour.shape[0]
        outline = cv2.convexHull(np.round(places).astype(np.int32)).copy()
        if mirrored:
            outline[..., 0] = texture.colour.shape[0] - 1 - outline[..., 0]
        cv2.fillConvexPoly(filled, outline, (1,))
    green = texture.colour[..., 1].astype(int) - texture.colour[..., 0] > 60
    middle = cv2.erode(own, np.ones((5, 5), np.uint8)) > 0
    assert green[middle].mean() > 0.95
    assert green[cv2.erode(other, np.ones((5, 5), np.uint8)) > 0].mean() < 0.05  # mixed by chance: .1


def test_the_outline_of_lips_has_no_bumps(admiral: Portrait) -> None:
    """A picture whose colours say where a pixel lies: in the texture each vertex of the lips has its own place."""
    image, mesh = admiral[0], mesh_of(admiral)
    lips = list(OUTER_LIPS + INNER_LIPS)
    corner, span = mesh[lips, :2].min(0) - 8, float(np.ptp(mesh[lips, 0])) + 16
    rows, columns = np.mgrid[: image.height, : image.width].astype(np.float32)
    x, y = (np.clip((each - start) / span, 0, 1) for each, start in ((columns, corner[0]), (rows, corner[1])))
    # Light adds up to the same from left to right: there is no lamp to be taken out.
    drawn = replace(image, pixels=to_srgb(np.dstack([x, y, 1 - x])))
    colour = to_linear(read_view(drawn, mesh, texture_side(mesh)).colour)
    at = (topology().uv[lips] * colour.shape[0] - 0.5).astype(np.float32)
    red, green, blue = cv2.remap(colour, at[:, :1], at[:, 1:], cv2.INTER_LINEAR)[:, 0].T
    shown = np.stack([red, green], 1) / (red + blue)[:, None] * span
    away = np.linalg.norm(shown - (mesh[lips, :2] - corner), axis=1) / face_width(mesh)
    assert away.max() < 0.015


def test_a_small_face_gets_the_texture_averaged_down(astronaut_likeness: MeshLikeness) -> None:
    texture = astronaut_likeness.texture
    side = texture.colour.shape[0]
    small = texture.fit(24)
    assert small.colour.shape[0] == small.validity.shape[0] == small.skin.shape[0] == 42
    assert np.abs(small.colour.mean((0, 1)) - texture.colour.mean((0, 1))).max() < 2
    assert texture.fit(side) is texture


@pytest.mark.parametrize("width", [20, 24])
def test_a_small_face_is_as_sharp_as_a_large_one_made_small(
    admiral_likeness: MeshLikeness, astronaut: Portrait, width: int
) -> None:
    """Its texture has five times as many pixels; read without averaging, they would alias."""
    image, face = astronaut
    mesh = mesh_of(astronaut)
    size = round(image.width * width / face_width(mesh))
    full = paste_back(image, rendered(admiral_likeness, astronaut))
    pixels, wanted = (
        np.asarray(cv2.resize(each.pixels, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
        for each in (image, full)
    )
    smaller = replace(image, pixels=pixels)
    on_it = (mesh * (size / image.width)).astype(np.float32)
    result = paste_back(smaller, rendered(admiral_likeness, (smaller, replace(face, mesh=on_it))))
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.round(cv2.convexHull(np.ascontiguousarray(on_it[:, :2]))).astype(np.int32), (1,))
    edges = [
        float(np.abs(cv2.Laplacian(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), cv2.CV_32F))[inside > 0].mean())
        for each in (wanted, result.pixels)
    ]
    assert 0.7 * edges[0] < edges[1] < 1.35 * edges[0]


def test_a_dent_beside_the_nose_is_not_filled_from_the_other_cheek(admiral: Portrait) -> None:
    """One vertex that the network sees too deep faces nobody; a small piece of the other side would be a blob."""
    image, mesh = admiral[0], mesh_of(admiral).copy()
    mesh[206, 2] += 0.6 * face_width(mesh)
    painted = image.pixels.copy()
    x, y = (round(float(value)) for value in mesh[426, :2])  # the same place on the other side
    cv2.circle(painted, (x, y), round(0.05 * face_width(mesh)), (0, 200, 0), -1)
    colour = unroll(replace(image, pixels=painted), mesh).colour.astype(int)
    row, column = texture_at(unroll(image, mesh), 206)
    around = colour[row - 8 : row + 9, column - 8 : column + 9]
    assert (around[..., 1] - around[..., 0] > 60).mean() < 0.02
