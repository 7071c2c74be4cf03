"""Clarity promises: sharp before soft, large before small, frontal before turned, whatever the light."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.face import Portrait
from mien_pipeline.faces.clarity import clarity, resolved_width, sort_by_clarity
from mien_pipeline.image import Floats, Image


def seen(portrait: Portrait, pixels: Floats) -> Portrait:
    return Portrait(Image(np.clip(pixels, 0, 255).astype(np.uint8)), portrait.face)


def test_a_soft_a_turned_and_a_small_face_are_less_clear(astronaut: Portrait) -> None:
    pixels = astronaut.image.pixels.astype(np.float32)
    soft = seen(astronaut, np.asarray(cv2.GaussianBlur(pixels, (0, 0), 3), np.float32))
    turned = Portrait(astronaut.image, replace(astronaut.face, yaw_deg=-30))
    small = Portrait(
        Image(
            np.asarray(cv2.resize(astronaut.image.pixels, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA), np.uint8)
        ),
        replace(astronaut.face, kps=astronaut.face.kps * np.float32(0.2)),
    )
    for poorer in (soft, turned, small):
        assert clarity(poorer) < 0.8 * clarity(astronaut)
        assert sort_by_clarity([poorer, astronaut]) == [astronaut, poorer]


def test_a_dim_picture_is_nearly_as_clear(astronaut: Portrait) -> None:
    dim = seen(astronaut, astronaut.image.pixels * np.float32(0.4))
    assert 0.6 < clarity(dim) / clarity(astronaut) <= 1


def test_equal_pictures_stay_in_their_order(astronaut: Portrait) -> None:
    again = Portrait(astronaut.image, astronaut.face)
    first, second = sort_by_clarity([astronaut, again])
    assert first is astronaut
    assert second is again


def test_a_face_resolves_its_own_width_in_focus_and_less_out_of_it(astronaut: Portrait) -> None:
    pixels, kps = astronaut.image.pixels, astronaut.face.kps
    assert resolved_width(pixels, kps, 100.0) == 100.0
    soft = [
        resolved_width(np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8), kps, 100.0)
        for sigma in (1.5, 3.0)
    ]
    assert 100 > soft[0] > soft[1] >= 10


def test_nothing_is_resolved_where_nothing_shows(astronaut: Portrait) -> None:
    assert resolved_width(np.zeros((300, 300, 3), np.uint8), astronaut.face.kps, 100.0) <= 100
