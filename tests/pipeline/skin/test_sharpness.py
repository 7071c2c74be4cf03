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
    upper = upper_face_mask(own.shape, mesh)
    return match_blur(own, target, upper, upper, face_width(mesh))


def test_a_sharp_target_leaves_the_new_face_as_it_is(astronaut: Portrait, admiral: Portrait) -> None:
    own = astronaut[0].pixels.astype(np.float32)
    assert np.array_equal(matched(astronaut, own), own)
    assert np.array_equal(matched(astronaut, own * 0.8), own)


def draw_nose(portrait: Portrait, side: float) -> Floats:
    """A square around the nose's tip: what shows below glasses that stay."""
    mask, mesh = np.zeros(portrait[0].pixels.shape[:2], np.float32), mesh_of(portrait)
    (x, y), half = mesh[4, :2].astype(int), round(side * face_width(mesh) / 2)
    mask[y - half : y + half, x - half : x + half] = 1
    return mask


@pytest.mark.parametrize("side", [0.19, 0.4])
@pytest.mark.parametrize("is_blurred", [False, True])
def test_where_little_of_a_face_shows_its_blur_is_copied_if_the_whole_target_is_blurred(
    astronaut: Portrait, side: float, is_blurred: bool
) -> None:
    """A nose alone is smooth on one face and not on another: a smooth one on a sharp face says nothing."""
    new, mesh, nose = astronaut[0].pixels.astype(np.float32), mesh_of(astronaut), draw_nose(astronaut, side)
    soft = np.asarray(cv2.GaussianBlur(new, (0, 0), 0.05 * face_width(mesh)), np.float32)
    sharper = np.clip(2 * new - cv2.GaussianBlur(new, (0, 0), 1), 0, 255)
    target = soft if is_blurred else np.where(nose[..., None] > 0, soft, sharper)
    made = match_blur(new, target, nose, upper_face_mask(new.shape, mesh), face_width(mesh))
    assert (made is not new) == (is_blurred or side > 0.3)


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


@pytest.mark.parametrize("deviations", [(1.8, 1.5), (3.0, 1.5), (5.0, 5.0), (9.0, 9.0)])
def test_a_wide_blur_is_made_small_and_looks_the_same(astronaut: Portrait, deviations: tuple[float, float]) -> None:
    own = astronaut[0].pixels.astype(np.float32)
    plain = cv2.GaussianBlur(own, (0, 0), deviations[0], sigmaY=deviations[1], borderType=cv2.BORDER_REFLECT)
    made = blur_along(own, np.eye(2, dtype=np.float32), deviations)
    assert made.shape == own.shape
    assert float(np.abs(made - plain).mean()) < 0.4
