"""Naturalness promises: an untouched face has no fault, each kind of damage has its name, and small ones add up."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.align import invert, transform
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import face_width, inter_ocular
from mien_pipeline.image import Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.report import Fault
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.mask import oval_mask
from mien_pipeline.skin.naturalness import (
    LIMITS,
    FinishedFace,
    Measures,
    measure,
    measure_landmarks,
    rate,
    skin_texels,
)
from mien_testing.portraits import mesh_of

NOTHING_WRONG = Measures(0.0, 0.0, 0.0, (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def finished(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> FinishedFace:
    """A person put in place of herself: as natural as an engine can be."""
    patch = astronaut_likeness.render(*astronaut, MeshOptions(), ignore_step)
    assert patch.intent is not None
    after, mesh = paste_back(astronaut.image, patch).pixels, mesh_of(astronaut)
    return FinishedFace(astronaut.image.pixels, after, mesh, patch.intent.mesh, patch.intent.own, patch.intent.to_own)


def faults(finished: FinishedFace) -> tuple[Fault, ...]:
    return rate(measure(finished)).faults


def darken(pixels: Pixels, mesh: Mesh, radius: float, by: float) -> Pixels:
    """The picture with a soft dark blotch of `radius` face widths on the viewer's left cheek."""
    blotch = np.zeros(pixels.shape[:2], np.float32)
    x, y = np.round(mesh[50, :2]).astype(int)
    cv2.circle(blotch, (int(x), int(y)), round(radius * face_width(mesh)), (1.0,), -1)
    soft = cv2.GaussianBlur(blotch, (0, 0), 0.2 * radius * face_width(mesh))
    return np.asarray(pixels * (1 - by * soft)[..., None], np.uint8)


def test_a_new_beard_is_no_dark_patch_of_skin(finished: FinishedFace) -> None:
    after, hair = darken(finished.after, finished.mesh, 0.1, 0.6), np.zeros_like(finished.own)
    x, y = np.round(transform(finished.mesh[[50], :2], finished.to_own)[0]).astype(int)
    cv2.circle(hair, (int(x), int(y)), round(0.16 * face_width(finished.mesh)), (1.0,), -1)
    patchy, bearded = (measure(finished._replace(after=after, hair=each)).dark for each in (None, hair))
    assert bearded < 0.3 * patchy


def test_a_person_in_place_of_herself_has_no_fault(finished: FinishedFace) -> None:
    assert faults(finished) == ()
    assert rate(measure(finished)).score > 0.55


def test_a_picture_that_did_not_change_has_no_edge_no_other_skin_and_no_other_sharpness(finished: FinishedFace) -> None:
    same = measure(finished._replace(after=finished.before, mesh=finished.old_mesh))
    assert (same.edge, same.dark, same.bands) == (0, 0, (0, 0, 0))
    assert same.foreign == pytest.approx(0, abs=1e-5)


def test_a_dark_blotch_on_one_cheek_is_patchy_skin(finished: FinishedFace) -> None:
    blotched = darken(finished.after, finished.mesh, 0.08, 0.7)
    assert faults(finished._replace(after=blotched)) == ("patchy-skin",)


def test_a_shade_that_the_target_has_too_is_not_new(finished: FinishedFace) -> None:
    shaded = finished._replace(after=darken(finished.after, finished.mesh, 0.08, 0.7))
    both = shaded._replace(before=darken(finished.before, finished.old_mesh, 0.08, 0.7))
    assert measure(both).dark < 0.3 * measure(shaded).dark
    assert measure(both).foreign < 0.5 * measure(shaded).foreign


def test_strands_that_the_target_does_not_have_are_patchy_skin(finished: FinishedFace) -> None:
    """Copied from before a reference's cheek: thin, dark, and on a bare target."""
    after, width = finished.after.copy(), face_width(finished.mesh)
    for at in range(7):
        x, y = np.round(finished.mesh[50, :2] + np.array([(at - 3) * 0.05, -0.25]) * width).astype(int)
        cv2.line(after, (int(x), int(y)), (int(x + 0.03 * width), int(y + 0.5 * width)), (40, 30, 25), 2, cv2.LINE_AA)
    assert "patchy-skin" in faults(finished._replace(after=after))


def test_a_blurred_face_in_a_sharp_picture_lacks_sharpness(finished: FinishedFace) -> None:
    blurred = cv2.GaussianBlur(finished.after, (0, 0), 0.04 * face_width(finished.mesh))
    own = oval_mask(blurred.shape, finished.mesh)[..., None]
    found = measure(finished._replace(after=np.asarray(blurred * own + finished.after * (1 - own), np.uint8)))
    assert found.bands[0] < 0
    assert "sharpness" in rate(found).faults


def test_a_face_of_another_brightness_than_its_picture_shows_its_edge(finished: FinishedFace) -> None:
    own = cv2.warpAffine(finished.own, invert(finished.to_own), finished.after.shape[1::-1])
    darker = np.where((own > 0.5)[..., None], finished.after * 0.45, finished.after)
    assert "edge" in faults(finished._replace(after=darker.astype(np.uint8)))


def test_a_face_that_is_found_elsewhere_than_intended_is_a_fault(finished: FinishedFace) -> None:
    moved = (finished.mesh + np.array([0.2 * inter_ocular(finished.mesh), 0, 0])).astype(np.float32)
    assert measure_landmarks(finished.mesh, finished.mesh) == 0
    assert rate(measure(finished, found=moved)).faults == ("landmarks",)


def test_a_second_look_finds_an_untouched_face_where_it_is(detector: MeshDetector, astronaut: Portrait) -> None:
    again = detector.look_again(astronaut.image, mesh_of(astronaut))
    assert measure_landmarks(again, mesh_of(astronaut)) < LIMITS["landmarks"] / 2


@pytest.mark.parametrize(
    ("measures", "fault"),
    [
        (replace(NOTHING_WRONG, foreign=LIMITS["foreign"]), "patchy-skin"),
        (replace(NOTHING_WRONG, dark=LIMITS["dark"]), "patchy-skin"),
        (replace(NOTHING_WRONG, mottled=LIMITS["mottled"]), "patchy-skin"),
        (replace(NOTHING_WRONG, edge=LIMITS["edge"]), "edge"),
        (replace(NOTHING_WRONG, bands=(0.0, -LIMITS["bands"], 0.0)), "sharpness"),
        (replace(NOTHING_WRONG, painted_over=LIMITS["painted_over"]), "painted-over"),
        (replace(NOTHING_WRONG, landmarks=LIMITS["landmarks"]), "landmarks"),
    ],
)
def test_a_measure_at_its_limit_is_a_fault_and_half_the_score(measures: Measures, fault: Fault) -> None:
    assert rate(measures).faults == (fault,)
    assert rate(measures).score == pytest.approx(0.5)


def test_measures_below_their_limits_make_a_fault_together_and_what_most_of_it_is_gets_named_once() -> None:
    half = replace(NOTHING_WRONG, foreign=0.3 * LIMITS["foreign"], dark=0.3 * LIMITS["dark"])
    assert rate(half).faults == ()
    assert rate(half).score == pytest.approx(0.9)
    both = replace(half, edge=0.5 * LIMITS["edge"], landmarks=0.1 * LIMITS["landmarks"])
    assert rate(both).faults == ("patchy-skin", "edge")
    assert rate(both).score == pytest.approx(0.3)
    assert rate(replace(both, bands=(2 * LIMITS["bands"], 0.0, 0.0))).score == 0
    assert rate(NOTHING_WRONG).score == 1


def test_nothing_is_said_of_skin_that_the_mask_leaves_to_the_target(finished: FinishedFace) -> None:
    nothing = finished._replace(own=np.zeros_like(finished.own), after=darken(finished.after, finished.mesh, 0.08, 0.7))
    assert measure(nothing) == NOTHING_WRONG


def test_a_mask_of_another_resolution_says_the_same(finished: FinishedFace) -> None:
    """An engine may have rendered on a smaller copy; `to_own` leads there."""
    half = np.asarray(cv2.resize(finished.own, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    scale = np.array(half.shape[::-1]) / np.array(finished.own.shape[::-1])
    to_half = finished.to_own * scale[:, None]
    to_half[:, 2] += (scale - 1) / 2
    smaller = finished._replace(own=half, to_own=to_half.astype(np.float32))
    assert measure(smaller).foreign == pytest.approx(measure(finished).foreign, rel=0.1)


def test_a_larger_copy_of_a_face_measures_the_same(finished: FinishedFace) -> None:
    before, after = (np.asarray(cv2.resize(each, None, fx=3, fy=3), np.uint8) for each in finished[:2])
    half = np.array([0.5, 0.5, 0])
    old, new = (((mesh + half) * 3 - half).astype(np.float32) for mesh in (finished.old_mesh, finished.mesh))
    third = np.vstack([np.array([[1, 0, -1], [0, 1, -1]]) / 3, [0, 0, 1]])
    to_own = (np.vstack([finished.to_own, [0, 0, 1]]) @ third)[:2].astype(np.float32)
    large, small = measure(FinishedFace(before, after, old, new, finished.own, to_own)), measure(finished)
    assert (large.foreign, large.dark) == pytest.approx((small.foreign, small.dark), rel=0.15)


def test_skin_is_compared_where_no_feature_is_on_both_sides() -> None:
    assert np.array_equal(skin_texels(), skin_texels()[:, ::-1])
    assert 0.15 < skin_texels().mean() < 0.5
