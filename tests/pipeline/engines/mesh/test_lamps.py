"""Lamps: hard and coloured light from one side is told from what covers a face, taken off, and put on again."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.lamps import bare_vertices, even_out, find_lamps, put_back, put_on, take_off
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.facing import vertex_normals
from mien_pipeline.faces.raster import extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import mesh_of

RED, BLUE, WHITE = (1.1, 0.15, 0.2), (0.12, 0.25, 1.2), (1.0, 1.0, 1.0)
LEFT_CHEEK, RIGHT_CHEEK = (50, 101, 205), (280, 330, 425)


def shine_at(normals: Floats, left: tuple[float, ...], right: tuple[float, ...], ambient: float) -> Floats:
    """(…, 3) the light that falls on surfaces with `normals` (…, 3) from a lamp on either side, and from everywhere."""
    falls = [np.clip(normals @ np.array(at) / np.linalg.norm(at), 0, 1) for at in ((-1, 0, 0.3), (1, 0, 0.3))]
    lamps = (fall[..., None] * np.array(colour) for fall, colour in zip(falls, (left, right), strict=True))
    return np.asarray(ambient + sum(lamps), np.float32)


def light_up(portrait: Portrait, left: tuple[float, ...], right: tuple[float, ...], ambient: float = 0.06) -> Pixels:
    """The portrait as if those lamps were the only light."""
    pixels, mesh, canonical = portrait[0].pixels, mesh_of(portrait), topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    flat = rasterise(mesh[:, :2], mesh[:, 2], triangles, (pixels.shape[1], pixels.shape[0]))
    normals = extend_edges(flat.interpolate(vertex_normals(mesh)), flat.covered)
    soft = cv2.GaussianBlur(normals, (0, 0), 0.02 * face_width(mesh))
    return to_srgb(np.clip(to_linear(pixels) * shine_at(np.asarray(soft, np.float32), left, right, ambient), 0, 1))


def compare_sides(pixels: Pixels, mesh: Mesh) -> Floats:
    """(3,) doublings of each channel's light by which the viewer's left cheek is lighter than the right one."""
    light = cv2.GaussianBlur(to_linear(pixels), (0, 0), 0.03 * face_width(mesh))
    sides = [np.mean([light[round(float(mesh[vertex, 1])), round(float(mesh[vertex, 0]))] for vertex in cheek], axis=0)
             for cheek in (LEFT_CHEEK, RIGHT_CHEEK)]  # fmt: skip
    return np.asarray(np.log2(sides[0] / sides[1]), np.float32)


@pytest.mark.parametrize(("left", "right"), [(RED, BLUE), (WHITE, (0, 0, 0)), ((0, 0, 0), RED)])
def test_the_light_of_a_lamp_is_found_by_what_it_does_to_each_side(
    astronaut: Portrait, left: tuple[float, ...], right: tuple[float, ...]
) -> None:
    """What is left of the known light is less than half of it."""
    mesh = mesh_of(astronaut)
    lamps = find_lamps(light_up(astronaut, left, right), mesh)
    assert lamps is not None
    known = np.log2(shine_at(vertex_normals(mesh), left, right, 0.06))
    known = (known - known[topology().mirror]) / 2
    skin = bare_vertices()
    assert ((lamps.doublings - known)[skin] ** 2).mean() < 0.25 * (known[skin] ** 2).mean()


def test_even_light_has_no_lamp(astronaut: Portrait, admiral: Portrait) -> None:
    for portrait in (astronaut, admiral):
        pixels = portrait[0].pixels
        assert even_out(pixels, mesh_of(portrait)) is pixels


def test_a_lock_of_hair_before_half_a_cheek_is_no_shadow(astronaut: Portrait) -> None:
    pixels, mesh = astronaut[0].pixels.copy(), mesh_of(astronaut)
    lock = np.round(mesh[[103, 67, 66, 101, 206, 212, 172, 132, 234, 162], :2]).astype(np.int32)
    shades = np.random.default_rng(0).uniform(20, 90, (1, pixels.shape[1], 1))
    strands = (shades * np.array([1.0, 0.7, 0.5])).astype(np.uint8)
    hidden = cv2.fillPoly(np.zeros(pixels.shape[:2], np.uint8), [lock], (1,))
    cv2.copyTo(np.ascontiguousarray(np.broadcast_to(strands, pixels.shape)), hidden, pixels)
    assert find_lamps(pixels, mesh) is None


def test_light_that_is_taken_off_and_put_on_again_gives_the_picture(astronaut: Portrait) -> None:
    pixels = light_up(astronaut, RED, BLUE)
    lamps = find_lamps(pixels, mesh_of(astronaut))
    assert lamps is not None
    light = lamps.draw(mesh_of(astronaut), pixels.shape)
    away = put_on(take_off(pixels, light), light).astype(np.int16) - pixels.astype(np.int16)
    assert np.quantile(np.abs(away), 0.99) <= 3


def test_a_reference_between_two_lamps_has_one_skin(astronaut: Portrait) -> None:
    mesh, lit = mesh_of(astronaut), light_up(astronaut, RED, BLUE)
    plain, shaded = (unroll(replace(astronaut[0], pixels=each), mesh) for each in (astronaut[0].pixels, lit))
    at = np.zeros((468, 3), np.float32)
    at[:, :2] = topology().uv * shaded.colour.shape[0]
    known = compare_sides(lit, mesh) - compare_sides(astronaut[0].pixels, mesh)
    left = compare_sides(shaded.colour, at) - compare_sides(plain.colour, at)
    assert np.abs(left).max() < 0.3 * np.abs(known).max()
    assert (shaded.skin > 127).mean() > 0.9 * (plain.skin > 127).mean()


def test_a_target_between_two_lamps_keeps_both_and_gives_up_both_halves(
    admiral_likeness: MeshLikeness, astronaut: Portrait
) -> None:
    """The new face is as much redder on one side as the light is; neither half is taken for a cover."""
    mesh, given_up, sides = mesh_of(astronaut), [], []
    for pixels in (astronaut[0].pixels, light_up(astronaut, RED, BLUE)):
        image = replace(astronaut[0], pixels=pixels)
        patch = admiral_likeness.render(image, astronaut[1], MeshOptions(), ignore_step)
        assert patch.intent is not None
        columns, rows = np.round(mesh[[*LEFT_CHEEK, *RIGHT_CHEEK], :2] + patch.affine[:, 2]).astype(int).T
        given_up.append(patch.intent.own[rows, columns])
        sides.append(compare_sides(paste_back(image, patch).pixels, mesh) - compare_sides(pixels, mesh))
    assert (given_up[1] > 0.9 * given_up[0]).all()
    known = compare_sides(light_up(astronaut, RED, BLUE), mesh) - compare_sides(astronaut[0].pixels, mesh)
    assert np.abs(sides[1] - sides[0]).max() < 0.35 * np.abs(known).max()


def shade_topology(turn_deg: float, edge: float, width: float, lean_deg: float) -> tuple[Mesh, Floats]:
    """The mesh of a turned head, 110 pixels high, and (160, 160, 1) how far each pixel of it is beyond a shadow's edge.

    `edge` and `width` are of the normals' turn aside; the edge leans.
    """
    turn, lean = np.radians(turn_deg), np.radians(lean_deg)
    vertices, normals = topology().vertices - topology().vertices.mean(0), vertex_normals(topology().vertices)
    around = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    mesh = np.asarray(vertices @ around.T * 110 / np.ptp(vertices[:, 1]) + [80, 80, 0], np.float32)
    lit = 1 / (1 + np.exp((edge - normals[:, :1] * np.cos(lean) - normals[:, 1:2] * np.sin(lean)) / width))
    raster = rasterise(mesh[:, :2], mesh[:, 2], topology().triangles, (160, 160))
    return mesh, extend_edges(raster.interpolate(lit.astype(np.float32)), raster.covered).reshape(160, 160, 1)


def read_doublings(mesh: Mesh, lit: Floats, shade: float) -> Floats:
    """(468, 3) what is taken off even skin that is darker by `shade` doublings where it is not `lit`; 0 for no lamp."""
    skin = np.array([0.6, 0.45, 0.35], np.float32)
    lamps = find_lamps(to_srgb(skin * np.exp2((lit - 1) * shade)), mesh)
    return np.zeros((468, 3), np.float32) if lamps is None else lamps.doublings


@pytest.mark.parametrize("head", [(15, -0.5, 0.08, 0), (25, 0, 0.2, 0), (-20, 0.4, 0.08, 20)])
def test_a_lamp_that_grows_comes_slowly(head: tuple[float, float, float, float]) -> None:
    """A clip would flicker: in light that is 2 % stronger no part of a face changes by an eighth of a doubling."""
    mesh, lit = shade_topology(*head)
    taken = np.stack([read_doublings(mesh, lit, 0.8 * 1.02**step) for step in range(60)])
    assert not taken[0].any()
    assert np.abs(taken).max() > 0.4
    assert np.abs(np.diff(taken, axis=0)).max() < 0.125


def test_a_shadow_that_leans_more_changes_its_lamp_slowly() -> None:
    """No angle is where one of the known ones gives way to the next."""
    heads = [shade_topology(20, 0, 0.2, lean_deg) for lean_deg in range(20, 35)]
    taken = np.stack([read_doublings(mesh, lit, 2) for mesh, lit in heads])
    assert np.abs(taken).max((1, 2)).min() > 0.4
    assert np.abs(np.diff(taken, axis=0)).max() < 0.1


@pytest.mark.parametrize(("edge", "turns_deg"), [(-0.5, (-30, -20)), (-0.3, (-40, -30)), (0.4, (32, 42))])
def test_a_head_that_turns_loses_its_lamp_slowly(edge: float, turns_deg: tuple[int, int]) -> None:
    """Of its far side less and less is told: at no turn does a lamp go from one picture to the next."""
    heads = [shade_topology(turn_deg, edge, 0.08, 0) for turn_deg in np.arange(*turns_deg, 0.5)]
    taken = np.stack([read_doublings(mesh, lit, 2) for mesh, lit in heads])
    assert np.abs(taken).max((1, 2)).max() > 0.4
    assert np.abs(np.diff(taken, axis=0)).max() < 0.05


def test_what_is_not_the_new_faces_own_keeps_its_value_in_any_light() -> None:
    """Shine in the shade is lighter than white without the light, and rounding the dark side takes shades from it."""
    target = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    target[10:20, 30:36] = 250
    doublings = np.linspace(1.8, -1.8, 40, dtype=np.float32)
    light = np.exp2(doublings)[None, :, None] * np.ones((40, 40, 3), np.float32)
    even = take_off(target, light)
    changed, own = even.copy(), np.zeros((40, 40), np.float32)
    changed[:, :5], own[:, :5] = 90, 1
    result = put_back(changed, even, target, own, light)
    assert np.abs(put_on(even, light)[10:20, 30:36].astype(int) - 250).min() > 50
    assert np.array_equal(result[:, 5:], target[:, 5:])
    assert np.array_equal(result[:, :5], put_on(changed, light)[:, :5])


def test_shine_beside_the_new_face_keeps_its_value_in_the_shade(
    admiral_likeness: MeshLikeness, astronaut: Portrait
) -> None:
    """Where hardly anything is new; the seam's wide bands may still tint it."""
    pixels, mesh = light_up(astronaut, RED, BLUE), mesh_of(astronaut)
    x, y = np.round(mesh[234, :2]).astype(int)
    pixels[y - 6 : y + 7, x - 5 : x + 6] = 250
    image = replace(astronaut[0], pixels=pixels)
    patch = admiral_likeness.render(image, astronaut[1], MeshOptions(shape=0), ignore_step)
    assert patch.intent is not None
    left, top = -patch.affine[:, 2].astype(int)
    shine = slice(y - top - 6, y - top + 7), slice(x - left - 5, x - left + 6)
    beside = (patch.mask[shine] > 0) & (patch.intent.own[shine] < 0.05)
    assert np.count_nonzero(beside) > 10
    assert patch.crop[shine][beside].min() > 215
