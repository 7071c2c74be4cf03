"""Veils: light over a whole face is told from its darkest parts, taken off, and put on the new face again."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.known_face import SIDE, KnownFace
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.texture import unroll
from mien_pipeline.engines.mesh.veil import MOST, Veil, find_veil, put_on_again, take_off_veil
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import mesh_of

LIGHT, LEFT = np.array([0.12, 0.06, 0.03], np.float32), np.array([0.7, 0.65, 0.6], np.float32)
HAZE = Veil(LIGHT, LEFT)
OPTIONS = MeshOptions(shape=0.0)


def test_haze_over_a_face_is_found(astronaut: Portrait, admiral: Portrait) -> None:
    """Less a little, for no part of a face is black."""
    for portrait in (astronaut, admiral):
        veil = find_veil(HAZE.put_on(portrait.image.pixels), mesh_of(portrait))
        assert veil is not None
        assert (veil.light < 1.05 * LIGHT).all()
        assert (veil.light > 0.7 * LIGHT).all()


def test_clear_pictures_have_no_veil(astronaut: Portrait, admiral: Portrait) -> None:
    for portrait in (astronaut, admiral):
        pixels = portrait.image.pixels
        assert find_veil(pixels, mesh_of(portrait)) is None
        assert take_off_veil(pixels, None) is pixels


def test_a_face_out_of_focus_has_no_veil_beside_black_hair(astronaut: Portrait) -> None:
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.04 * float(np.ptp(mesh[:, 0]))), np.uint8)
    blurred[:4] = 0
    assert find_veil(blurred, mesh) is None


def test_a_face_without_features_has_no_more_than_a_veil_may_be(astronaut: Portrait) -> None:
    veil = find_veil(np.full_like(astronaut.image.pixels, 150), mesh_of(astronaut))
    assert veil is not None
    assert veil.left == pytest.approx(1 - MOST)


def test_a_reference_in_haze_gives_the_texture_of_a_clear_one(astronaut: Portrait) -> None:
    image, mesh = astronaut.image, mesh_of(astronaut)
    clear, hazy = (
        unroll(replace(image, pixels=pixels), mesh).colour for pixels in (image.pixels, HAZE.put_on(image.pixels))
    )
    contrasts = [float(np.log(each + 8.0).std()) for each in (clear, hazy, HAZE.put_on(clear))]
    assert contrasts[1] > (contrasts[0] + contrasts[2]) / 2


def test_the_new_face_of_a_target_in_haze_is_in_that_haze(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    image, face = astronaut

    def swap(pixels: Pixels) -> Pixels:
        target = replace(image, pixels=pixels)
        patch = admiral_likeness.render(target, face, OPTIONS, ignore_step)
        return paste_back(target, patch).pixels

    hazy = HAZE.put_on(image.pixels)
    in_haze, expected = (each.astype(np.float32) for each in (swap(hazy), HAZE.put_on(swap(image.pixels))))
    changed = np.abs(expected - hazy).max(2) > 8
    assert changed.any()
    assert np.abs(in_haze - expected)[changed].mean() < 0.25 * np.abs(expected - hazy)[changed].mean()


def test_what_is_not_the_new_face_is_the_targets_bit_for_bit() -> None:
    target = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    clear = HAZE.take_off(target)
    nowhere = np.zeros(target.shape[:2], np.float32)
    assert np.array_equal(put_on_again(clear, clear, target, nowhere, HAZE), target)
    assert put_on_again(clear, clear, target, nowhere, None) is clear


def test_a_veil_comes_and_goes_between_two_pictures_of_a_clip() -> None:
    nothing = np.zeros((SIDE, SIDE), np.float32)
    hazy, clear = KnownFace(nothing, (), veil=HAZE), KnownFace(nothing, ())
    assert clear.mix(clear, 0.5).veil is None
    for mixed, share in ((hazy.mix(clear, 0.25), 0.75), (clear.mix(hazy, 0.25), 0.25)):
        assert mixed.veil is not None
        assert mixed.veil.light == pytest.approx(share * LIGHT)
        assert mixed.veil.left == pytest.approx(1 - share * (1 - LEFT))
