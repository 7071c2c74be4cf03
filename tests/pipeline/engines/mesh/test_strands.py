"""Strands promise: curls and strands that hang before a face are not copied, and what is bare beside them is kept."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.strands import find_strands
from mien_pipeline.engines.mesh.texture import View, complete, read_view, texture_side
from mien_pipeline.evaluation.accessories.covers import draw_beard
from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Mask, Pixels
from mien_testing.portraits import mesh_of

# Cheek and brow on the viewer's right.
HALF = (280, 330, 425, 411, 282, 295)


def view_of(portrait: Portrait, pixels: Pixels) -> View:
    mesh = mesh_of(portrait)
    return read_view(replace(portrait.image, pixels=pixels), mesh, texture_side(mesh))


def read_at(mask: Mask, vertices: tuple[int, ...]) -> float:
    return float(read_colours(mask, vertices).mean())


def read_colours(texture: NDArray[Any], vertices: tuple[int, ...]) -> NDArray[Any]:
    rows, columns = (topology().uv[list(vertices)] * len(texture)).astype(int).T[::-1]
    return np.asarray(texture[rows, columns])


def mirror(vertices: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(vertex) for vertex in topology().mirror[list(vertices)])


def draw_curls(portrait: Portrait) -> Pixels:
    """The picture with curls the colour of skin before the half on the viewer's right."""
    mesh, pixels, rng = mesh_of(portrait), portrait.image.pixels.copy(), np.random.default_rng(0)
    width, skin = face_width(mesh), portrait.image.pixels[tuple(np.round(mesh[50, 1::-1]).astype(int))]
    left, top = float(mesh[4, 0]) + 0.08 * width, float(mesh[10, 1])
    for _ in range(900):
        x, y = rng.uniform(left, left + 0.7 * width), rng.uniform(top, float(mesh[152, 1]))
        shade = (skin * rng.uniform(0.3, 1.2)).clip(0, 255).tolist()
        cv2.circle(pixels, (round(x), round(y)), round(0.03 * width), shade, 1, cv2.LINE_AA)
    return pixels


def test_the_half_behind_curls_comes_from_the_bare_half(astronaut: Portrait) -> None:
    view = view_of(astronaut, draw_curls(astronaut))
    assert view.half_hidden
    assert not view.glasses
    colour = complete(view).colour.astype(int)
    own, mirrored = (read_colours(colour, part) for part in (HALF, mirror(HALF)))
    assert np.abs(own - mirrored).max() < 30


def draw_strands(first: int, last: int) -> Pixels:
    """A texture of plain skin with dark strands from column `first` to `last` before the cheek on the viewer's left."""
    texture = np.full((256, 256, 3), (200, 150, 120), np.uint8)
    for row in range(110, 150, 4):
        cv2.line(texture, (first, row), (last, row + 3), (60, 40, 30), 1)
    return texture


def test_strands_are_found_that_reach_the_outline_and_marks_on_a_cheek_are_not() -> None:
    nothing = np.zeros((256, 256), np.float32)
    found, inner = (
        find_strands(draw_strands(*ends), nothing, bearded=False, glasses=False) for ends in ((0, 60), (50, 70))
    )
    assert found[120:145, 30:58].min() > 0.9
    assert found[:, 75:].max() < 0.1
    assert inner.max() < 0.1


def test_what_grows_on_a_jaw_is_no_strand() -> None:
    strands, jaw = draw_strands(0, 60), np.zeros((256, 256), np.float32)
    jaw[:, :64] = 1
    assert find_strands(strands, jaw, bearded=True, glasses=False).max() < 0.1


def test_a_beard_is_no_strand(astronaut: Portrait) -> None:
    view = view_of(astronaut, draw_beard(astronaut.image.pixels, mesh_of(astronaut)))
    assert read_at(view.seen, (175, 200, 204, 424, 194, 418)) > 0.9
