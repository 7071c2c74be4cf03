"""A very large face is rendered on a small copy of its picture, and gets its finest detail from the target."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh import full_size
from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.full_size import enlarging, find_step, shrink_face
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.own_face import OwnFace
from mien_pipeline.engines.mesh.placed import Placed
from mien_pipeline.engines.mesh.render import Rendered
from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import fine_detail, mesh_of

STEP, SIDE = 4, 150
WIDTH = 100.0  # of the face, in pixels of the small copy


def noisy_target(deviation: float = 4.0) -> Pixels:
    noise = np.random.default_rng(0).normal(0, deviation, (SIDE * STEP - 3, SIDE * STEP - 2, 1))  # no multiple of STEP
    return np.clip(140 + noise + np.zeros(3), 0, 255).astype(np.uint8)


def shrunk(target: Pixels) -> Pixels:
    return shrink_face(target, np.zeros((468, 3), np.float32), STEP)[0]


def in_place(small: Pixels) -> Floats:
    rows, columns = np.mgrid[: small.shape[0], : small.shape[1]].astype(np.float32)
    return np.dstack([columns, rows])


def disc_mask(small: Pixels) -> Mask:
    mask = np.zeros(small.shape[:2], np.uint8)
    cv2.circle(mask, (75, 75), 50, (1,), -1)
    return mask.astype(np.float32)


def rendered(small: Pixels, pixels: Pixels, own: Mask, origins: Floats | None = None) -> Rendered:
    origins = in_place(small) if origins is None else origins
    changed = ((own > 0) | (np.abs(origins - in_place(small)).max(2) > 0.05)).astype(np.float32)
    return Rendered(pixels, changed, own, origins, 140.0, OwnFace(own, ()), np.zeros((468, 3), np.float32))


def enlarge_change(target: Pixels, small: Pixels, change: Rendered, step: int, width: float) -> tuple[Pixels, Mask]:
    with enlarging(target, small, step, width) as enlarger:
        enlarger.begin(Placed(change.pixels, change.changed, change.own, change.origins))
        return enlarger.finish(change)


def test_a_face_about_as_large_as_the_references_is_rendered_at_its_own_size() -> None:
    assert find_step(500, 512) == 1
    assert find_step(1000, 700) == 1
    assert find_step(300, 60) == 1


def test_a_larger_face_is_rendered_no_smaller_than_the_reference_has_detail() -> None:
    assert 4500 / find_step(4500, 1024) >= 900
    assert 2000 / find_step(2000, 900) >= 900
    assert 1100 / find_step(1100, 200) >= 1.4 * 200


def test_where_nothing_changes_the_result_is_the_target() -> None:
    target = noisy_target()
    small = shrunk(target)
    result, _ = enlarge_change(target, small, rendered(small, small, disc_mask(small)), STEP, WIDTH)
    assert np.abs(result.astype(int) - target).max() <= 1
    untouched, changed = enlarge_change(target, small, rendered(small, small, disc_mask(small) * 0), STEP, WIDTH)
    assert np.array_equal(untouched, target)
    assert not changed.any()


def test_a_new_face_has_its_own_colour_and_the_grain_of_the_target() -> None:
    target = noisy_target()
    small = shrunk(target)
    own = disc_mask(small)
    painted = np.where(own[..., None] > 0, np.uint8(90), small).astype(np.uint8)
    result, changed = enlarge_change(target, small, rendered(small, painted, own), STEP, WIDTH)
    middle = np.s_[200:400, 200:400]
    assert abs(float(result[middle].mean()) - 90) < 1
    assert abs(np.log2(fine_detail(result)[middle].std() / fine_detail(target)[middle].std())) < 0.3
    assert np.array_equal(result[changed == 0], target[changed == 0])
    assert changed[:40].max() == 0


def test_hairs_of_the_target_do_not_lie_on_the_new_face() -> None:
    """Lashes are finer than the small copy can show: they must not come back with the grain."""
    target = noisy_target(2.0)
    for column in range(250, 350, 25):
        target[260:340, column : column + 2] = 20
    small = shrunk(target)
    own = disc_mask(small)
    painted = np.where(own[..., None] > 0, np.uint8(140), small).astype(np.uint8)
    result, _ = enlarge_change(target, small, rendered(small, painted, own), STEP, WIDTH)
    there, here = (float(np.abs(picture[260:340, 250:350].astype(int) - 140).max()) for picture in (target, result))
    assert there > 110
    assert here < 30


def test_what_stays_the_targets_keeps_its_finest_detail() -> None:
    """An open mouth and shut lids are the target's own, hair by hair."""
    target = noisy_target(2.0)
    target[280:320, 250:252] = 20
    small = shrunk(target)
    own = disc_mask(small)
    own[60:90, 55:75] = 0
    changed = rendered(small, small, own)
    result, _ = enlarge_change(target, small, changed, STEP, WIDTH)
    assert np.abs(result[280:320, 245:257].astype(int) - target[280:320, 245:257]).max() <= 2


def test_hair_beside_the_face_moves_with_all_its_detail() -> None:
    target = noisy_target(0.0)
    target[:, 300:302] = 20
    small = shrunk(target)
    origins = in_place(small)
    origins[..., 0] -= 2  # everything comes from two small pixels, eight of the target's, farther left
    moved = np.roll(small, 2, axis=1)
    moved[:, :2] = small[:, :1]
    result, _ = enlarge_change(target, small, rendered(small, moved, disc_mask(small) * 0, origins), STEP, WIDTH)
    assert np.abs(result[:, 20:].astype(int) - np.roll(target, 8, axis=1)[:, 20:]).max() <= 2


def test_a_large_face_looks_as_it_does_at_a_quarter_of_its_size(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    image, mesh = astronaut.image, mesh_of(astronaut)
    scale = 16.0
    left, top = (mesh[:, :2].min(0) - 50).astype(int)
    part = image.pixels[top : top + 200, left : left + 200]
    local = (mesh - np.array([left, top, 0]) + np.array([0.5, 0.5, 0])).astype(np.float32)

    def picture(times: float) -> Pixels:
        large = cv2.resize(part, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
        face = replace(astronaut.face, mesh=(local * times - np.array([0.5, 0.5, 0])).astype(np.float32))
        target = replace(image, pixels=np.asarray(large, np.uint8))
        return paste_back(target, admiral_likeness.render(target, face, MeshOptions(), ignore_step)).pixels

    assert find_step(face_width(local) * scale, admiral_likeness.texture.face_width) > 1
    large = cv2.resize(picture(scale), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    direct = picture(scale / 4)
    labs = [cv2.cvtColor(each.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for each in (large, direct)]
    assert np.linalg.norm(labs[0] - labs[1], axis=2).mean() < 1.5


def test_uneven_detail_of_the_target_leaves_no_pattern_on_the_new_face() -> None:
    """How much of the detail is kept changes from place to place; the new face's own lightness must not change too."""
    plain = noisy_target(1.0)
    spots = cv2.resize((np.random.default_rng(1).random((40, 40)) > 0.6).astype(np.float32), plain.shape[1::-1])
    noise = 14 * spots * np.random.default_rng(2).normal(0, 1, plain.shape[:2])
    target = np.clip(plain + 60 + noise[..., None], 0, 255).astype(np.uint8)
    small = shrunk(target)
    own = disc_mask(small)
    painted = np.where(own[..., None] > 0, np.uint8(200), small).astype(np.uint8)
    result, _ = enlarge_change(target, small, rendered(small, painted, own), STEP, WIDTH)
    smooth = cv2.blur(result[200:400, 200:400].astype(np.float32), (9, 9))
    assert np.abs(smooth - 200).max() < 3


def test_detail_that_is_worked_out_before_the_face_is_drawn_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    target = noisy_target(20.0)
    small = shrunk(target)
    painted, own = small.copy(), disc_mask(small)
    painted[own > 0] = (200, 150, 120)
    change = rendered(small, painted, own, in_place(small) + np.float32(0.3))
    early, _ = enlarge_change(target, small, change, STEP, WIDTH)
    monkeypatch.setattr(full_size, "_MOST_EARLY", 1)
    late, _ = enlarge_change(target, small, change, STEP, WIDTH)
    assert np.array_equal(early, late)
    assert not np.array_equal(early, target)
