"""A new face is blurred as its target is, along the same direction, and only where the target is."""

import cv2
import numpy as np
import pytest

from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats
from mien_pipeline.skin.mask import upper_face_mask
from mien_pipeline.skin.sharpness import blur_along, match_blur
from mien_testing.portraits import Portrait, mesh_of


def gradients(pixels: Floats, portrait: Portrait) -> tuple[float, float]:
    """Energy across and down, on brows, eyes and nose."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    where = upper_face_mask(grey.shape, mesh_of(portrait)) > 0
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order)[where] for order in ((1, 0), (0, 1)))
    return float((across**2).mean()), float((down**2).mean())


def matched(portrait: Portrait, target: Floats) -> Floats:
    """The portrait itself, put into a picture of it."""
    own, mesh = portrait[0].pixels.astype(np.float32), mesh_of(portrait)
    return match_blur(own, target, upper_face_mask(own.shape, mesh), face_width(mesh))


def test_a_sharp_target_leaves_the_new_face_as_it_is(astronaut: Portrait, admiral: Portrait) -> None:
    own = astronaut[0].pixels.astype(np.float32)
    assert np.array_equal(matched(astronaut, own), own)
    assert np.array_equal(matched(astronaut, own * 0.8), own)


def test_where_little_of_a_face_shows_nothing_is_said_of_its_blur(astronaut: Portrait) -> None:
    """A nose alone, below lenses that mirror, is smooth on one face and not on another."""
    new, width = astronaut[0].pixels.astype(np.float32), face_width(mesh_of(astronaut))
    soft = np.asarray(cv2.GaussianBlur(new, (0, 0), 0.05 * width), np.float32)
    x, y = mesh_of(astronaut)[4, :2].astype(int)
    for side, changes in ((0.15, False), (0.4, True)):
        weight, half = np.zeros(new.shape[:2], np.float32), round(side * width / 2)
        weight[y - half : y + half, x - half : x + half] = 1
        assert (match_blur(new, soft, weight, width) is not new) == changes


def test_motion_blurs_the_new_face_along_its_direction_alone(astronaut: Portrait) -> None:
    own = astronaut[0].pixels.astype(np.float32)
    kernel = np.full((1, 15), 1 / 15, np.float32)
    moving = np.asarray(cv2.filter2D(own, -1, kernel), np.float32)
    before, target, after = (gradients(pixels, astronaut) for pixels in (own, moving, matched(astronaut, moving)))
    assert after[0] < 2 * target[0] < before[0]
    assert after[1] > 0.6 * before[1]


def test_a_target_out_of_focus_blurs_the_new_face_all_around(astronaut: Portrait) -> None:
    own = astronaut[0].pixels.astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(own, (0, 0), 5), np.float32)
    target, after = (gradients(pixels, astronaut) for pixels in (soft, matched(astronaut, soft)))
    assert [got / wanted for wanted, got in zip(target, after, strict=True)] == pytest.approx([1.4, 1.4], rel=0.6)


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_a_blur_along_a_line_keeps_the_line(degrees: float) -> None:
    turn = np.deg2rad(degrees)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
    picture = np.zeros((101, 101), np.float32)
    ends = [(50 + length * axes[0]).round().astype(int) for length in (-40, 40)]
    cv2.line(picture, tuple(map(int, ends[0])), tuple(map(int, ends[1])), (1.0,), 1)
    along, across = (blur_along(picture, axes, deviations)[50, 50] for deviations in ((4, 0), (0, 4)))
    assert along > 0.6
    assert across < 0.3
    assert blur_along(picture, axes, (4, 2)).sum() == pytest.approx(picture.sum(), rel=0.05)
