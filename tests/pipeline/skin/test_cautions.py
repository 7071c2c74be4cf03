"""Cautions promise: a clear portrait has none, and what limits a reference is said before anything is made of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.report import ReferenceCaution
from mien_pipeline.skin.cautions import TURNED_DEG, list_cautions


def test_a_clear_portrait_has_none(astronaut: Portrait) -> None:
    assert list_cautions(astronaut.image.pixels, astronaut.face) == ()


def test_glasses_are_said(admiral: Portrait) -> None:
    assert "reference-covered" in list_cautions(admiral.image.pixels, admiral.face)


def test_a_turned_head_is_said_whichever_way(astronaut: Portrait) -> None:
    for yaw in (TURNED_DEG + 1, -TURNED_DEG - 1):
        assert list_cautions(astronaut.image.pixels, replace(astronaut.face, yaw_deg=yaw)) == ("reference-angle",)


def shade_half(pixels: Pixels, middle: float) -> Pixels:
    return np.where((np.arange(pixels.shape[1]) > middle)[None, :, None], pixels // 4, pixels)


@pytest.mark.parametrize("caution", ["low-light", "small-face", "reference-mouth"])
def test_a_dark_soft_or_half_lit_picture_is_said(astronaut: Portrait, caution: ReferenceCaution) -> None:
    pixels, face = astronaut
    spoilt: dict[ReferenceCaution, Pixels] = {
        "low-light": (pixels.pixels // 6).astype(np.uint8),
        "small-face": np.asarray(cv2.GaussianBlur(pixels.pixels, (0, 0), 6), np.uint8),
        "reference-mouth": shade_half(pixels.pixels, float(face.kps[2, 0])),
    }
    assert caution in list_cautions(spoilt[caution], face)


def test_of_a_face_without_a_mesh_nothing_is_said(astronaut: Portrait) -> None:
    assert list_cautions(astronaut.image.pixels // 6, replace(astronaut.face, mesh=None)) == ()
