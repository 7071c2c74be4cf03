"""A rendered face keeps the target's expression, grain and covers."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Patch
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import inter_ocular
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import Portrait, fine_detail, mesh_of


def rendered(likeness: MeshLikeness, target: Portrait, **options: object) -> Patch:
    return likeness.render(*target, MeshOptions.model_validate(options), ignore_step)


def test_a_result_keeps_the_targets_expression(
    detector: MeshDetector, astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    """The network that found the target's points finds them where they were: 5.5 % of the eyes' distance at most."""
    image, face = astronaut
    result = paste_back(image, rendered(admiral_likeness, astronaut))
    found = detector.refit(result, face).mesh
    assert found is not None
    away = np.linalg.norm((found - mesh_of(astronaut))[:, :2], axis=1).mean()
    assert away < 0.055 * inter_ocular(mesh_of(astronaut))


def test_grain_is_what_the_cheeks_show_not_what_a_beard_does(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    image, _ = astronaut
    rough = image.pixels.astype(np.float32)
    mesh = mesh_of(astronaut)
    below, above = round(float(mesh[0, 1])), round(float(mesh[8, 1]))
    noise = np.random.default_rng(0).normal(0, 25, rough.shape)
    rough[below:] += noise[below:]
    rough[:above] += noise[:above]
    bearded = replace(image, pixels=np.clip(rough, 0, 255).astype(np.uint8))
    cheek = np.zeros(image.pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(cheek, np.round(cv2.convexHull(mesh[[50, 101, 36, 205], :2])).astype(np.int32), (1,))
    plain, beside = (
        paste_back(target, rendered(admiral_likeness, (target, astronaut[1]))).pixels for target in (image, bearded)
    )
    grain = [np.median(np.abs(fine_detail(pixels)[cheek > 0])) for pixels in (plain, beside)]
    assert abs(np.log2(grain[1] / grain[0])) < 0.8  # the noise of a deviation of 25 would make it 3


def test_the_new_face_has_the_grain_of_the_target(admiral: Portrait, astronaut_likeness: MeshLikeness) -> None:
    image, face = admiral
    noise = np.random.default_rng(0).normal(0, 9, image.pixels.shape)
    noisy = replace(image, pixels=np.clip(image.pixels + noise, 0, 255).astype(np.uint8))
    result = paste_back(noisy, rendered(astronaut_likeness, (noisy, face))).pixels
    cheeks = np.zeros(image.pixels.shape[:2], np.uint8)
    for group in ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411)):
        cv2.fillConvexPoly(cheeks, np.round(mesh_of(admiral)[list(group), :2]).astype(np.int32), (1,))
    grain = [np.median(np.abs(fine_detail(pixels)[cheeks > 0])) for pixels in (noisy.pixels, result)]
    assert abs(np.log2(grain[1] / grain[0])) < 0.45


def test_glasses_and_a_cap_are_still_there_afterwards(admiral: Portrait, astronaut_likeness: MeshLikeness) -> None:
    image, mesh = admiral[0], mesh_of(admiral)
    patch = rendered(astronaut_likeness, admiral)
    result = paste_back(image, patch).pixels
    assert "occluded" in patch.warnings
    cap = mesh[10, :2].astype(int) - [0, 12]
    assert np.abs(result[cap[1], cap[0]].astype(int) - image.pixels[cap[1], cap[0]]).max() < 30
    bar = mesh[168, :2].astype(int)
    around = (slice(bar[1] + 2, bar[1] + 7), slice(bar[0] - 4, bar[0] + 5))  # the bar itself
    assert np.abs(result[around].mean((0, 1)) - image.pixels[around].mean((0, 1))).max() < 30


def test_a_pixel_that_did_not_change_is_the_targets_bit_for_bit(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    """Shape, light, grain and seam end inside the region."""
    patch = rendered(admiral_likeness, astronaut)
    left, top = (-patch.affine[:, 2]).astype(int)
    height, width = patch.mask.shape
    region = astronaut[0].pixels[top : top + height, left : left + width]
    assert set(np.unique(patch.mask)) == {0, 1}
    assert np.array_equal(patch.crop[patch.mask == 0], region[patch.mask == 0])
    border = np.concatenate([patch.mask[0], patch.mask[-1], patch.mask[:, 0], patch.mask[:, -1]])
    assert not border.any()


def test_every_step_is_told_once_and_in_order(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    told: list[tuple[int, int]] = []
    admiral_likeness.render(*astronaut, MeshOptions(), lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_the_targets_shape_is_kept_where_it_is_asked_for(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    """Then only skin changes; with the reference's shape the outline and what is around it move too."""
    kept, moved = (rendered(admiral_likeness, astronaut, shape=shape).mask.sum() for shape in (0.0, 1.0))
    assert kept < 0.8 * moved


def test_a_grey_target_gets_a_grey_face(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    image, face = astronaut
    grey = np.asarray(cv2.cvtColor(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    target = replace(image, pixels=grey)
    result = paste_back(target, rendered(admiral_likeness, (target, face))).pixels
    assert np.ptp(result, axis=2).max() == 0
    assert np.abs(result.astype(int) - grey).max() > 30
