"""Several pictures of one person promise: what one hides another shows, and eyes and lips are one picture's."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.mesh.eyes import Eye
from mien_pipeline.engines.mesh.texture import View, read_view, unroll
from mien_pipeline.engines.mesh.views import MOST_VIEWS, Sighting, merge, read_views
from mien_pipeline.face import Portrait
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_testing.portraits import hang_hair, mesh_of

SIDE = 256
OPEN = (Eye(0, 0, 0.25), Eye(0, 0, 0.25))
CHEEK, NOSE = 50, 5
LIKE = 8  # code values between the same stripes in the same light; other stripes are about 25 apart


def view(pattern: int, seen: Mask | None = None, made: Mask | None = None) -> View:
    """A grey face with stripes, `pattern` pixels wide; all of it is skin that faces the viewer."""
    stripes = 128 + 25 * np.sign(np.sin(np.arange(SIDE) * np.pi / pattern))
    colour = np.broadcast_to(stripes[:, None], (SIDE, SIDE)).astype(np.uint8)
    whole, nothing = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    shown = whole if seen is None else seen
    return View(np.dstack([colour] * 3), shown, shown, nothing if made is None else made, nothing, whole)


def part_of_texture(*vertices: int, radius: int = 12) -> Mask:
    """(SIDE, SIDE) 1 around each vertex."""
    part = np.zeros((SIDE, SIDE), np.float32)
    for x, y in np.round(topology().uv[list(vertices)] * SIDE).astype(int):
        cv2.circle(part, (int(x), int(y)), radius, (1,), -1)
    return part


def difference(one: View, other: View, where: Mask) -> float:
    """Mean difference of code values of two views."""
    inside = where > 0.5
    return float(np.abs(one.colour[inside].astype(float) - other.colour[inside]).mean())


def test_what_one_picture_hides_another_shows() -> None:
    hidden = part_of_texture(CHEEK, radius=25)
    first, other = view(4, seen=1 - hidden), view(7)
    merged = merge([first, other], 0, [1, 1])
    core = part_of_texture(CHEEK)
    assert difference(merged, other, core) < LIKE
    assert merged.seen[core > 0].min() > 0.95
    assert difference(merged, first, part_of_texture(280)) < LIKE, "the first picture shows its other cheek best"


def test_a_forehead_that_was_made_up_gives_way_to_one_that_was_seen() -> None:
    forehead = part_of_texture(10, 151, radius=25)
    merged = merge([view(4, made=forehead), view(7)], 0, [1, 1])
    assert difference(merged, view(7), part_of_texture(151)) < LIKE
    assert merged.made[part_of_texture(151) > 0].max() < 0.1


def test_eyes_and_lips_are_the_first_pictures_even_where_another_shows_them_better() -> None:
    features = part_of_texture(*face.LEFT_EYE, *face.RIGHT_EYE, *face.OUTER_LIPS, radius=1)
    first, other = view(4, seen=np.full((SIDE, SIDE), 0.3, np.float32)), view(7)
    merged = merge([first, other], 0, [0.5, 1])
    assert difference(merged, first, features) < LIKE
    assert difference(merged, other, part_of_texture(NOSE, CHEEK)) < LIKE


def test_the_light_is_the_first_pictures() -> None:
    dim = replace(view(4), colour=(view(4).colour * 0.5).astype(np.uint8))
    merged = merge([view(4), dim], 0, [0.2, 1])
    assert difference(merged, view(4), part_of_texture(NOSE, CHEEK)) < LIKE
    assert difference(merge([view(4), dim], 1, [1, 0.2]), dim, part_of_texture(NOSE, CHEEK)) < LIKE


def test_what_only_one_of_three_pictures_shows_is_left_out() -> None:
    """A hand that no mask knows: its colour is another than that of the others in the same place."""
    patched = view(4)
    patched.colour[part_of_texture(CHEEK, radius=25) > 0] //= 3
    merged = merge([patched, view(4), view(4)], 0, [1, 1, 1])
    assert difference(merged, view(4), part_of_texture(CHEEK)) < LIKE


def sighting(portrait: Portrait, pixels: Floats | None = None, eyes: tuple[Eye, Eye] = OPEN) -> Sighting:
    image = portrait.image if pixels is None else Image(np.clip(pixels, 0, 255).astype(np.uint8))
    return Sighting(Portrait(image, portrait.face), mesh_of(portrait), eyes)


def test_eyes_and_mouth_are_from_a_sharp_picture_with_open_eyes(astronaut: Portrait) -> None:
    soft = sighting(astronaut, np.asarray(cv2.GaussianBlur(astronaut.image.pixels, (0, 0), 4), np.float32))
    shut = sighting(astronaut, eyes=(Eye(0, 0, 0.02), Eye(0, 0, 0.25)))
    turned = sighting(Portrait(astronaut.image, replace(astronaut.face, yaw_deg=30)))
    best = sighting(astronaut)
    for others in ([soft, shut, turned], [turned], [shut, soft]):
        assert read_views([*others, best])[1] is best


def test_eyes_are_not_from_a_picture_on_which_hair_hides_one(astronaut: Portrait) -> None:
    bare = sighting(astronaut)
    assert read_views([sighting(astronaut, hang_hair(astronaut).astype(np.float32)), bare])[1] is bare


def test_of_many_pictures_the_ones_that_show_most_are_read(
    astronaut: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[float] = []

    def counted(image: Image, mesh: Floats, side: int, before: Pixels | None) -> View:
        read.append(float(image.pixels[0, 0, 0]))
        return read_view(image, mesh, side, before)

    monkeypatch.setattr("mien_pipeline.engines.mesh.views.read_view", counted)
    pixels = astronaut.image.pixels[::2, ::2].astype(np.float32)
    half = replace(astronaut.face, mesh=mesh_of(astronaut) * np.float32(0.5), kps=astronaut.face.kps * np.float32(0.5))
    small = Portrait(Image(pixels.astype(np.uint8)), half)
    many = []
    for place in range(MOST_VIEWS + 3):
        marked = pixels.copy()
        marked[0, 0] = place
        yaw = 40.0 if place == 1 else -40.0 if place == 2 else 0.0
        many.append(sighting(Portrait(small.image, replace(half, yaw_deg=yaw)), marked))
    read_views(many)
    assert len(read) == MOST_VIEWS
    assert {1.0, 2.0} <= set(read), "the two that are turned furthest show the sides"


def test_one_picture_is_its_own_texture(engine: MeshEngine, astronaut: Portrait) -> None:
    alone = unroll(astronaut.image, mesh_of(astronaut))
    likeness = engine.prepare([astronaut])
    assert np.array_equal(likeness.texture.colour, alone.colour)
    assert np.array_equal(likeness.texture.validity, alone.validity)
    assert likeness.mesh is astronaut.face.mesh
