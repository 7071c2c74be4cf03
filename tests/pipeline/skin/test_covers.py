"""A cover is followed to its edges from the clues that tell of it."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import LEFT_EYE, RIGHT_EYE
from mien_pipeline.image import Pixels
from mien_pipeline.skin.covers import Covers, Feature, find_covers
from mien_pipeline.skin.mask import view_face
from mien_testing.portraits import mesh_of


def covers_of(portrait: Portrait, pixels: Pixels, *hidden: Feature) -> Covers:
    small, view = view_face(pixels, mesh_of(portrait))
    return find_covers(small, view, [], hidden, np.zeros(view.oval.shape, np.bool_))


def card(portrait: Portrait, colour: tuple[int, int, int]) -> tuple[Pixels, tuple[slice, slice]]:
    """The picture with a card before mouth and chin, and where it is."""
    face, pixels = portrait.face, portrait.image.pixels.copy()
    part = (
        slice(int(face.kps[2, 1]) + 14, int(face.bbox[3]) + 6),
        slice(int(face.kps[3, 0]) - 4, int(face.kps[4, 0]) + 6),
    )
    pixels[part] = colour
    return pixels, part


def test_a_plain_face_has_no_cover(astronaut: Portrait) -> None:
    found = covers_of(astronaut, astronaut.image.pixels)
    assert not found.any
    assert not found.mask.any()


def test_a_card_is_followed_to_its_edges(astronaut: Portrait) -> None:
    for colour in ((40, 60, 190), (235, 235, 230), (120, 85, 60)):
        pixels, part = card(astronaut, colour)
        found = covers_of(astronaut, pixels, "mouth")
        assert found.any, colour
        size = pixels.shape[1], pixels.shape[0]
        view = view_face(pixels, mesh_of(astronaut))[1]
        full, oval = (
            np.asarray(cv2.resize(part_of.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0
            for part_of in (found.mask, view.oval)
        )
        inside = np.zeros_like(full)
        inside[part] = True
        both, either = np.count_nonzero(full & inside & oval), np.count_nonzero((full | inside) & oval)
        assert both / either > 0.75, colour


def test_a_pale_wall_inside_the_outline_is_no_cover(astronaut: Portrait) -> None:
    small, view = view_face(astronaut.image.pixels, mesh_of(astronaut))
    behind = np.zeros(view.oval.shape, np.bool_)
    behind[:, round(float(view.points[454, 0]) - 0.15 * view.width) :] = True
    small = small.copy()
    small[behind] = (225, 228, 235)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
    walled = replace(view, lab=lab)
    assert not find_covers(small, walled, [], (), behind).any


def test_two_eyes_that_do_not_show_are_shut_and_hide_no_brows(astronaut: Portrait) -> None:
    """One eye in the colour of skin is behind fingers: all from brow to temple stays as it is."""
    view = view_face(astronaut.image.pixels, mesh_of(astronaut))[1]
    brow_and_temple = tuple(np.round(view.points[[66, 162]]).astype(int).T[::-1])
    shut = astronaut.image.pixels.copy()
    for ring in (LEFT_EYE, RIGHT_EYE):
        lids = cv2.convexHull(np.round(mesh_of(astronaut)[list(ring), :2]).astype(np.int32))
        cv2.fillConvexPoly(shut, lids, tuple(int(value) for value in shut[tuple(cheek(astronaut))]))
    assert covers_of(astronaut, shut, "left eye").mask[brow_and_temple].all()
    assert not covers_of(astronaut, shut, "left eye", "right eye").mask[brow_and_temple].any()


def cheek(portrait: Portrait) -> list[int]:
    column, row = np.round(mesh_of(portrait)[50, :2]).astype(int)
    return [int(row), int(column)]
