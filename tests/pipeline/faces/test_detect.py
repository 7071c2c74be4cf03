"""Detection promises: every face, left to right, small ones too, with a mesh that sits on it and the head's pose."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.faces.align import invert, transform
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.search import undo_quarter_turns
from mien_pipeline.faces.topology import inter_ocular
from mien_pipeline.image import Image
from mien_testing.portraits import Portrait, mesh_of


def photograph(portrait: Portrait, face_px: float, size: tuple[int, int], left: int, top: int) -> Image:
    """A plain picture of `size` (width, height) with the portrait in it, its face `face_px` wide."""
    image, face = portrait
    scale = face_px / float(face.bbox[2] - face.bbox[0])
    small = cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = np.full((size[1], size[0], 3), 120, np.uint8)
    pixels[top : top + small.shape[0], left : left + small.shape[1]] = small
    return Image(pixels)


def test_a_portrait_has_one_face_looking_at_the_camera(astronaut: Portrait) -> None:
    _, face = astronaut
    assert face.mesh is not None
    assert face.mesh.shape == (468, 3)
    assert face.mesh_score > 0.9
    assert max(abs(face.yaw_deg), abs(face.pitch_deg), abs(face.roll_deg)) < 15


def test_the_five_points_lie_on_eyes_nose_and_mouth_of_the_viewers_left_first(astronaut: Portrait) -> None:
    left_eye, right_eye, nose, left_corner, right_corner = astronaut[1].kps
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_corner[0] < right_corner[0]
    assert left_eye[1] < nose[1] < left_corner[1]


@pytest.mark.parametrize("face_px", [80, 40])
def test_a_small_face_in_twelve_megapixels_is_found(detector: MeshDetector, astronaut: Portrait, face_px: int) -> None:
    """80 px at once; 40 px by the finer pass, which runs when the first finds nothing."""
    (found,) = detector.detect(photograph(astronaut, face_px, (4000, 3000), 2300, 1100))
    assert 0.8 * face_px < found.bbox[2] - found.bbox[0] < 1.25 * face_px
    assert 2300 < found.bbox[0] < 2300 + 6 * face_px


def test_several_faces_come_left_to_right(detector: MeshDetector, astronaut: Portrait, admiral: Portrait) -> None:
    one = photograph(astronaut, 90, (1600, 700), 900, 60).pixels
    other = photograph(admiral, 130, (1600, 700), 40, 100).pixels
    faces = detector.detect(Image(np.where(one == 120, other, one)))
    assert [round(float(face.bbox[2] - face.bbox[0]), -1) for face in faces] == [130, 90]


def test_beside_a_face_that_is_known_the_others_are_found(
    detector: MeshDetector, astronaut: Portrait, admiral: Portrait
) -> None:
    one = photograph(astronaut, 90, (1000, 700), 500, 60).pixels
    other = photograph(admiral, 130, (1000, 700), 10, 100).pixels
    both = Image(np.where(one == 120, other, one))
    left, right = detector.detect(both)
    (found,) = detector.detect_others(both, [left])
    assert np.array_equal(found.bbox, right.bbox)
    assert not detector.detect_others(both, [left, right])
    assert len(detector.detect_others(both, [])) == 2


def test_a_picture_without_a_face_has_none(detector: MeshDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3)).astype(np.uint8)
    assert detector.detect(Image(cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8))) == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_on_its_side_or_upside_down_still_has_its_face(
    detector: MeshDetector, astronaut: Portrait, quarters: int
) -> None:
    image, upright = astronaut
    (face,) = detector.detect(Image(np.ascontiguousarray(np.rot90(image.pixels, quarters))))
    assert face.mesh is not None
    assert upright.mesh is not None
    side = image.width - 1
    x, y = upright.mesh[1, :2]
    expected = {1: (y, side - x), 2: (side - x, side - y), 3: (side - y, x)}[quarters]
    assert np.linalg.norm(face.mesh[1, :2] - expected) < 5


def test_yaw_is_positive_when_the_face_looks_to_the_viewers_right(detector: MeshDetector, astronaut: Portrait) -> None:
    """Turned by foreshortening one half of the face: the half that is narrower is the one looked towards."""
    image, face = astronaut
    x = np.arange(image.width, dtype=np.float32)
    middle = float(face.kps[2, 0])
    squeezed = np.where(x > middle, middle + (x - middle) * 1.5, x).astype(np.float32)
    columns = np.repeat(squeezed[None], image.height, 0)
    rows = np.repeat(np.arange(image.height, dtype=np.float32)[:, None], image.width, 1)
    turned = np.asarray(cv2.remap(image.pixels, columns, rows, cv2.INTER_LINEAR), np.uint8)
    mirrored = np.ascontiguousarray(turned[:, ::-1])
    to_right, to_left = (detector.detect(Image(pixels))[0].yaw_deg for pixels in (turned, mirrored))
    assert to_right > face.yaw_deg + 5
    assert to_left < -5


def test_a_mesh_fitted_again_to_the_same_picture_stays_where_it_is(detector: MeshDetector, astronaut: Portrait) -> None:
    image, face = astronaut
    again = detector.refit(image, face)
    assert again.mesh is not None
    assert face.mesh is not None
    assert np.abs(again.mesh - face.mesh)[:, :2].mean() < 1


def test_faces_come_left_to_right_however_high_they_are(
    detector: MeshDetector, astronaut: Portrait, admiral: Portrait
) -> None:
    one = photograph(astronaut, 70, (1000, 1700), 560, 40).pixels
    other = photograph(admiral, 90, (1000, 1700), 20, 1000).pixels
    faces = detector.detect(Image(np.where(one == 120, other, one)))
    assert [round(float(face.bbox[2] - face.bbox[0]), -1) for face in faces] == [90, 70]


def test_a_mesh_is_fitted_again_wherever_the_face_is(detector: MeshDetector, astronaut: Portrait) -> None:
    picture = photograph(astronaut, 90, (1600, 500), 1100, 10)
    (face,) = detector.detect(picture)
    again = detector.refit(picture, face)
    assert again.mesh is not None
    assert face.mesh is not None
    assert np.abs(again.mesh - face.mesh)[:, :2].mean() < 1
    assert again.mesh_score > 0.9
    assert again.det_score == face.det_score


def test_a_tiny_face_at_the_bottom_of_a_tall_picture_is_found_by_the_finer_pass(
    detector: MeshDetector, astronaut: Portrait
) -> None:
    """At 28 px of 12 megapixels it is 9 px wide in the first search, which is too small."""
    (found,) = detector.detect(photograph(astronaut, 28, (3000, 4000), 2300, 3700))
    assert 0.75 * 28 < found.bbox[2] - found.bbox[0] < 1.35 * 28
    assert 2300 < found.bbox[0] < 2300 + 6 * 28
    assert 3700 < found.bbox[1] < 3700 + 6 * 28


def test_a_face_is_as_deep_as_it_is_large(detector: MeshDetector, astronaut: Portrait) -> None:
    """Depth is in the picture's pixels, as width and height are."""
    depths = []
    for face_px in (60, 120):
        (face,) = detector.detect(photograph(astronaut, face_px, (900, 700), 100, 20))
        assert face.mesh is not None
        depths.append(float(np.ptp(face.mesh[:, 2])) / face_px)
    assert depths[0] == pytest.approx(depths[1], rel=0.15)
    assert 0.3 < depths[1] < 1.2


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_mesh_stands_as_the_head_does(detector: MeshDetector, astronaut: Portrait, quarters: int) -> None:
    """Upside down, a mouth looks like eyes: the mesh must not be fitted the wrong way round."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    turned = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, quarters)))
    (found,) = detector.detect(turned)
    expected = transform(mesh[:, :2], invert(undo_quarter_turns(quarters, image.width, image.height)))
    away = np.linalg.norm(mesh_of((turned, found))[:, :2] - expected, axis=1).mean()
    assert away < 0.06 * inter_ocular(mesh)


@pytest.mark.parametrize("side_px", [700, 4900])
def test_a_face_that_fills_the_picture_is_found(detector: MeshDetector, astronaut: Portrait, side_px: int) -> None:
    image, mesh = astronaut[0], mesh_of(astronaut)
    low, high = mesh[:, :2].min(0).astype(int), mesh[:, :2].max(0).astype(int)
    margin = int(0.08 * (high[1] - low[1]))
    close = image.pixels[low[1] - margin : high[1] + margin, low[0] - margin : high[0] + margin]
    scale = side_px / max(close.shape[:2])
    size = round(close.shape[1] * scale), round(close.shape[0] * scale)
    large = np.asarray(cv2.resize(close, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    (found,) = detector.detect(replace(image, pixels=large))
    assert found.mesh_score > 0.9
    assert found.bbox[2] - found.bbox[0] > 0.7 * size[0]


class Stopped(Exception):
    """What ends a search in the test."""


def test_a_search_can_be_ended_before_each_of_its_passes_and_finds_the_same_when_it_is_not(
    detector: MeshDetector, astronaut: Portrait
) -> None:
    """Five passes find boxes: two sides and three turns; then the meshes are fitted."""
    passes, image = [0], photograph(astronaut, 60, (640, 480), 100, 100)
    found = detector.search(image, lambda: passes.__setitem__(0, passes[0] + 1))
    assert passes == [6]
    assert [face.bbox.tolist() for face in found] == [face.bbox.tolist() for face in detector.detect(image)]

    def stop() -> None:
        passes[0] -= 1
        if passes[0] == 3:
            raise Stopped

    with pytest.raises(Stopped):
        detector.search(image, stop)
    assert passes == [3]
