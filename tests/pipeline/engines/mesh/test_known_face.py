"""A picture of a clip is rendered with what was found in the pictures around it, as if it had been looked for there."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import REFUSE_YAW_DEG, MeshLikeness
from mien_pipeline.engines.mesh.known_face import SIDE, KnownFace
from mien_pipeline.engines.mesh.lamps import UNSEEN, Lamps, put_on
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Portrait
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.tone import Tone
from mien_testing.portraits import mesh_of, shut_lids

LIGHT = np.linspace(-1, 1, 468 * 3, dtype=np.float32).reshape(468, 3)
STEADY = MeshOptions().make_steady()


def test_a_picture_that_was_looked_at_is_rendered_as_a_still_is(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    image, face = astronaut
    known = admiral_likeness.look(image, face, STEADY)
    assert known is not None
    still = admiral_likeness.render(image, face, STEADY, ignore_step)
    made = admiral_likeness.render_known(image, face, STEADY, known, known, 0.5)
    apart = np.abs(made.crop.astype(float) - still.crop).max(2)
    changed = still.mask > 0
    assert (apart[changed] > 6).mean() < 0.01
    assert apart[changed].mean() < 0.3
    assert made.warnings == still.warnings


def test_lids_that_shut_between_two_pictures_are_shut_and_open_ones_are_not_looked_at_again(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    """Half of a wink is no wink, and so is a little noise; the network says what neither picture shows."""
    image, mesh, reader = astronaut.image, mesh_of(astronaut), admiral_likeness.reader
    known = reader.look(image.pixels, mesh, ())
    noise = np.random.default_rng(0).integers(-4, 5, image.pixels.shape)
    noisy = np.clip(image.pixels + noise, 0, 255).astype(np.uint8)
    assert reader.look(noisy, mesh, (known, known)) == known
    shut = shut_lids(image.pixels, mesh)
    assert [each.eye for each in reader.look(shut, mesh, (known,))] == list(reader.read(shut, mesh))
    assert reader.look(shut, mesh, (known,)) != known


def test_between_two_grey_pictures_a_new_face_is_grey(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    grey = np.asarray(cv2.merge([cv2.cvtColor(astronaut.image.pixels, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)
    image = replace(astronaut.image, pixels=grey)
    known = admiral_likeness.look(image, astronaut.face, STEADY)
    assert known is not None
    made = admiral_likeness.render_known(image, astronaut.face, STEADY, known, known, 0.5)
    assert made.mask.any()
    assert (made.crop == made.crop[..., :1]).all()


def test_a_toned_picture_between_two_has_the_tone_of_both() -> None:
    nothing, curves = np.zeros((SIDE, SIDE), np.float32), (np.zeros((4, 2), np.float32), np.ones((4, 2), np.float32))
    one, other = (KnownFace(nothing, (), tone=Tone(curve)) for curve in curves)
    mixed = one.mix(other, 0.25).tone
    assert mixed is not None
    assert (mixed.curve == 0.25).all()
    assert one.mix(KnownFace(nothing, ()), 0.75).tone is None


def test_what_covers_a_face_stays_covered(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    image, face = astronaut
    nothing = KnownFace(np.zeros((SIDE, SIDE), np.float32), ("occluded",))
    made = admiral_likeness.render_known(image, face, STEADY, nothing, nothing, 0.0)
    own = made.intent.own if made.intent else None
    assert own is not None
    assert not own.any()
    assert "occluded" in made.warnings


def test_a_face_too_far_turned_is_not_looked_at_and_not_rendered(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    image, face = astronaut
    turned = replace(face, yaw_deg=REFUSE_YAW_DEG + 1)
    assert admiral_likeness.look(image, turned, STEADY) is None
    assert not admiral_likeness.render_known(image, turned, STEADY, None, None, 0.0).mask.any()
    assert admiral_likeness.render_known(image, face, STEADY, None, None, 0.0).mask.any()


def test_between_two_pictures_it_is_between_what_both_showed(astronaut: Portrait) -> None:
    shape, mesh = astronaut.image.pixels.shape[:2], mesh_of(astronaut)
    low = KnownFace.keep(np.full(shape, 0.2, np.float32), mesh, ())
    high = KnownFace.keep(np.full(shape, 0.8, np.float32), mesh, ("occluded",))
    assert low.mix(high, 0.25).own == pytest.approx(0.35, abs=1e-5)
    assert (low.mix(high, 0.25).warnings, low.mix(high, 0.5).warnings) == ((), ("occluded",))


def test_a_mask_comes_back_where_it_was(astronaut: Portrait) -> None:
    """Half of a face, kept on the texture of one mesh and read where the texture says that each pixel is."""
    shape, mesh = astronaut.image.pixels.shape[:2], mesh_of(astronaut)
    left = np.zeros(shape, np.float32)
    left[:, : round(float(mesh[:, 0].mean()))] = 1
    own = KnownFace.keep(left, mesh, ()).own
    assert own[SIDE // 2, SIDE // 4] != own[SIDE // 2, 3 * SIDE // 4]
    assert 0.35 < own.mean() < 0.65


def test_light_from_one_side_comes_and_goes_between_two_pictures(astronaut: Portrait) -> None:
    shape, mesh = astronaut.image.pixels.shape[:2], mesh_of(astronaut)
    lit, even = (KnownFace.keep(np.ones(shape, np.float32), mesh, (), lamps) for lamps in (Lamps(LIGHT), None))
    assert even.mix(even, 0.5).lamps is None
    for mixed, share in ((lit.mix(even, 0.25), 0.75), (even.mix(lit, 0.25), 0.25)):
        assert mixed.lamps is not None
        assert mixed.lamps.doublings == pytest.approx(share * LIGHT)


def test_light_from_one_side_that_nobody_sees_is_none(astronaut: Portrait) -> None:
    shape, mesh = astronaut.image.pixels.shape[:2], mesh_of(astronaut)
    faint, even = (
        KnownFace.keep(np.ones(shape, np.float32), mesh, (), lamps) for lamps in (Lamps(2 * UNSEEN * LIGHT), None)
    )
    assert faint.mix(even, 0.25).lamps is not None
    assert faint.mix(even, 0.75).lamps is None
    seen = np.full((1, 468, 3), 255, np.uint8)
    assert np.array_equal(put_on(seen, np.exp2(-UNSEEN * np.abs(LIGHT))[None]), seen)
