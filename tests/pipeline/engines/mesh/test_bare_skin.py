"""Bare skin promises: hair that hangs before a reference's cheek is not carried over, and a beard is."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.bare_skin import clear_skin
from mien_pipeline.engines.mesh.texture import Texture, unroll
from mien_pipeline.evaluation.accessories.covers import draw_beard
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.topology import LEFT_BROW, RIGHT_BROW, face_width, topology
from mien_pipeline.image import Pixels
from mien_testing.beards import lay_back
from mien_testing.portraits import mesh_of

CHEEK, JAW, BEARD = (147, 213, 192), (136, 172, 365, 397), (149, 170, 211, 378, 395, 431)


def colour_at(texture: Texture, vertices: tuple[int, ...]) -> NDArray[np.float64]:
    side, colour = texture.colour.shape[0], lay_back(texture)
    shown = [colour[int(v * side), int(u * side)] for u, v in topology().uv[list(vertices)]]
    return np.asarray(np.mean(shown, axis=0), np.float64)


def unroll_painted(portrait: Portrait, pixels: Pixels) -> Texture:
    return unroll(replace(portrait.image, pixels=pixels), mesh_of(portrait))


def draw_lock(pixels: Pixels, mesh: Mesh) -> Pixels:
    """A lock of dark hair from the temple over the outer cheek down to the jaw."""
    result = pixels.copy()
    path = np.round(mesh[[21, 162, 127, 234, 93, 132, 58, 172, 215, 147, 116, 139], :2]).astype(np.int32)
    cv2.fillPoly(result, [path], (30, 22, 18), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(result, (0, 0), 0.004 * face_width(mesh)), np.uint8)


def test_a_lock_before_a_cheek_is_not_copied(astronaut: Portrait) -> None:
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    clear, hidden = (unroll_painted(astronaut, each) for each in (pixels, draw_lock(pixels, mesh)))
    assert np.abs(colour_at(hidden, CHEEK) - colour_at(clear, CHEEK)).max() < 40  # the lock is 170 darker
    assert hidden.painted_over < 0.03


def test_hair_on_the_corners_of_a_jaw_gives_way_and_a_beard_does_not(astronaut: Portrait) -> None:
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    haired = pixels.copy()
    for vertex in (172, 397, 136, 365, 58, 288):
        x, y = np.round(0.93 * mesh[vertex, :2] + 0.07 * mesh[1, :2]).astype(int)
        cv2.circle(haired, (int(x), int(y)), round(0.09 * face_width(mesh)), (25, 20, 18), -1, cv2.LINE_AA)
    clear, hair, beard = (unroll_painted(astronaut, each) for each in (pixels, haired, draw_beard(pixels, mesh)))
    assert colour_at(hair, JAW).mean() > 0.8 * colour_at(clear, JAW).mean()
    assert colour_at(beard, BEARD).mean() < 0.6 * colour_at(clear, BEARD).mean()


def test_what_a_picture_cuts_off_comes_from_the_other_side_and_is_not_made(astronaut: Portrait) -> None:
    """Half a cheek beyond the picture's edge has the other cheek's moles: made skin would have none."""
    mesh = mesh_of(astronaut)
    right = int(mesh[280, 0])
    pixels = np.ascontiguousarray(astronaut.image.pixels[:, :right]).copy()
    x, y = np.round(mesh[187, :2]).astype(int)
    cv2.circle(pixels, (int(x), int(y)), round(0.03 * face_width(mesh)), (120, 60, 50), -1, cv2.LINE_AA)
    texture = unroll_painted(astronaut, pixels)
    own, mirrored = (colour_at(texture, (vertex,)) for vertex in (187, int(topology().mirror[187])))
    assert np.abs(own - mirrored).max() < 25
    assert mirrored[1] < 0.8 * colour_at(texture, (50,))[1]


def test_shade_between_the_brows_joins_them_no_more() -> None:
    """A head that looks down beside a lamp has it."""
    whole, skin = np.ones((WORK_SIDE, WORK_SIDE), np.float32), np.array([210, 170, 150])
    colour = np.full((WORK_SIDE, WORK_SIDE, 3), skin, np.uint8)
    for ring, darkness in (((107, 55, 8, 285, 336, 9), 0.5), (LEFT_BROW, 0.7), (RIGHT_BROW, 0.7)):
        colour[fill_texture(ring) > 0] = skin * (1 - darkness)
    cleared, _ = clear_skin(colour, whole, whole)
    x, y = np.round(topology().uv[[9, 8]].mean(0) * WORK_SIDE).astype(int)
    assert cleared[y, x].mean() > 0.85 * skin.mean()
    assert cleared[fill_texture(LEFT_BROW) > 0].mean() < 0.45 * skin.mean()
