"""What covers a target's face is kept and said; beards, fringes and shadows are not called covers."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mien_pipeline.engines.mesh.own_face as own_face_module
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.own_face import Surroundings, SurroundingsReader, find_hands_before, find_own_face
from mien_pipeline.engines.mesh.texture import View, read_view, texture_side
from mien_pipeline.evaluation.accessories.covers import draw_beard, draw_cup, draw_fingers, draw_mask
from mien_pipeline.evaluation.accessories.glasses import OPAQUE, Lens, Shape, draw_glasses
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.covers import Covers
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, oval_mask
from mien_testing.portraits import mask_at, mesh_of

Drawn = tuple[Pixels, Mask]


def eye(mesh: Mesh, left: bool) -> Floats:
    return np.asarray(mesh[[33, 133, 159, 145] if left else [263, 362, 386, 374], :2].mean(0), np.float32)


def over_the_left_eye(pixels: Pixels, mesh: Mesh) -> Drawn:
    return draw_fingers(pixels, mesh, eye(mesh, True) + np.array([0.12 * face_width(mesh), 0], np.float32), 180)


def over_the_left_eye_from_above(pixels: Pixels, mesh: Mesh) -> Drawn:
    return draw_fingers(pixels, mesh, eye(mesh, True) + np.array([0, 0.1 * face_width(mesh)], np.float32), -110, 2)


def over_the_mouth(pixels: Pixels, mesh: Mesh) -> Drawn:
    lip = mesh[13, :2] - np.array([0, 0.07 * face_width(mesh)], np.float32)
    return draw_fingers(pixels, mesh, lip, 90, 4)


def over_the_mouth_aslant(pixels: Pixels, mesh: Mesh) -> Drawn:
    off = np.multiply([0.02, 0.03], face_width(mesh), dtype=np.float32)
    return draw_fingers(pixels, mesh, mesh[13, :2] - off, 130)


def over_the_mouth_from_the_side(pixels: Pixels, mesh: Mesh) -> Drawn:
    off = np.multiply([0.15, 0], face_width(mesh), dtype=np.float32)
    return draw_fingers(pixels, mesh, mesh[13, :2] - off, 20, 4)


def hair_before_an_eye(pixels: Pixels, mesh: Mesh) -> Drawn:
    """Strands of about the skin's colour from the parting over the left eye down to the jaw."""
    lock = np.round(mesh[[10, 9, 168, 133, 121, 50, 205, 172, 58, 127, 54], :2]).astype(np.int32)
    shades = cv2.GaussianBlur(np.random.default_rng(0).uniform(-1.5, 3, (1, pixels.shape[1])), (0, 0), 1.2)
    x, y = np.round(mesh[50, :2]).astype(int)
    row = np.clip(np.clip(shades, 0.05, 2)[..., None] * pixels[y, x], 0, 255).astype(np.uint8)
    strands = np.broadcast_to(row, pixels.shape)
    hidden = cv2.fillPoly(np.zeros(pixels.shape[:2], np.uint8), [lock], (1,))
    covered = np.asarray(cv2.copyTo(np.ascontiguousarray(strands), hidden, pixels.copy()), np.uint8)
    return covered, hidden.astype(np.float32)


COVERS: dict[str, Callable[[Pixels, Mesh], Drawn]] = {
    "hair before an eye": hair_before_an_eye,
    "fingers over an eye": over_the_left_eye,
    "fingers over an eye, from above": over_the_left_eye_from_above,
    "fingers over the mouth": over_the_mouth,
    "fingers aslant over the mouth": over_the_mouth_aslant,
    "a blue mask": lambda pixels, mesh: draw_mask(pixels, mesh, (150, 190, 215)),
    "a white mask": lambda pixels, mesh: draw_mask(pixels, mesh, (235, 235, 235)),
    "a black mask": lambda pixels, mesh: draw_mask(pixels, mesh, (30, 30, 32)),
    "a white cup": lambda pixels, mesh: draw_cup(pixels, mesh, (240, 238, 232)),
    "a brown cup": lambda pixels, mesh: draw_cup(pixels, mesh, (150, 110, 80)),
}


def own_face(portrait: Portrait, pixels: Pixels, reference: MeshLikeness) -> tuple[Mask, bool]:
    """The mask of the face's own pixels, and whether `occluded` is said."""
    own = find_own_face(pixels, mesh_of(portrait), Surroundings(), reference.texture.colour)
    return own.mask, "occluded" in own.warnings


@pytest.mark.parametrize(("share", "said"), [(0.04, False), (0.12, True)])
def test_a_mouth_or_cheek_that_a_turn_hides_is_kept_without_a_word(
    astronaut: Portrait, astronaut_likeness: MeshLikeness, monkeypatch: pytest.MonkeyPatch, share: float, said: bool
) -> None:
    """Photographs of turned heads are not among the portraits: what is found of them is handed in."""

    def find(small: Pixels, view: FaceView, *_: object) -> Covers:
        rows, columns = np.nonzero(view.oval)
        mask = np.zeros(view.oval.shape, np.bool_)
        lowest = np.argsort(rows)[-round(share * len(rows)) :]
        mask[rows[lowest], columns[lowest]] = True
        return Covers(mask, True)

    monkeypatch.setattr(own_face_module, "find_covers", find)
    own, occluded = own_face(astronaut, astronaut.image.pixels, astronaut_likeness)
    chin = np.round(mesh_of(astronaut)[152, :2]).astype(int)
    assert own[chin[1] - 3, chin[0]] < 0.5
    assert occluded is said


def inside(alpha: Mask, mesh: Mesh) -> Choice:
    """Where a cover lies well inside its outline and the face's, bool."""
    sure = cv2.erode((alpha > 0.9).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.asarray(sure & (oval_mask(alpha.shape, mesh) > 0.9), np.bool_)


@pytest.mark.parametrize("cover", COVERS)
def test_what_covers_a_face_is_kept_and_said(astronaut: Portrait, astronaut_likeness: MeshLikeness, cover: str) -> None:
    mesh = mesh_of(astronaut)
    pixels, alpha = COVERS[cover](astronaut.image.pixels, mesh)
    own, occluded = own_face(astronaut, pixels, astronaut_likeness)
    assert occluded
    assert (own[inside(alpha, mesh)] < 0.5).mean() > 0.7
    assert mask_at(own, astronaut, 386, 362, 253) > 0.9  # the other eye, or both, are still the face's


@pytest.mark.parametrize("draw", [over_the_left_eye, over_the_mouth_from_the_side])
def test_fingers_stay_whole_on_wrinkled_skin_where_no_hand_is_found(
    admiral: Portrait, astronaut_likeness: MeshLikeness, draw: Callable[[Pixels, Mesh], Drawn]
) -> None:
    """Their outline is lost between wrinkles: a wide part of the face stays, rather than stumps of fingers."""
    mesh = mesh_of(admiral)
    pixels, alpha = draw(admiral.image.pixels, mesh)
    own, occluded = own_face(admiral, pixels, astronaut_likeness)
    assert occluded
    assert (own[inside(alpha, mesh)] < 0.5).mean() > 0.9
    assert mask_at(own, admiral, 9, 151) > 0.9


@pytest.mark.parametrize("cover", ["fingers over an eye", "a blue mask", "a white cup"])
def test_a_swap_leaves_what_covers_the_face_as_it_was(
    detector: MeshDetector, astronaut: Portrait, astronaut_likeness: MeshLikeness, cover: str
) -> None:
    """With the face's own shape nothing moves: only the seam's lowest frequencies reach into the cover."""
    mesh = mesh_of(astronaut)
    pixels, alpha = COVERS[cover](astronaut.image.pixels, mesh)
    image = replace(astronaut.image, pixels=pixels)
    patch = astronaut_likeness.render(image, detector.refit(image, astronaut.face), MeshOptions(shape=0), ignore_step)
    assert "occluded" in patch.warnings
    result = paste_back(image, patch).pixels
    away = np.abs(result.astype(np.int16) - pixels).max(2)[inside(alpha, mesh)]
    assert np.quantile(away, 0.85) < 16


@pytest.mark.parametrize("shape", ["square", "pilot"])
@pytest.mark.parametrize("lens", OPAQUE)
def test_dark_and_mirroring_glasses_of_the_target_stay_on(
    detector: MeshDetector, admiral_likeness: MeshLikeness, astronaut: Portrait, lens: Lens, shape: Shape
) -> None:
    """Where an eye would be the lens is nearly as it was: an eye of the reference would change it by 100 levels."""
    pixels = draw_glasses(astronaut.image.pixels, mesh_of(astronaut), shape, lens)
    image = replace(astronaut.image, pixels=pixels)
    patch = admiral_likeness.render(image, detector.refit(image, astronaut.face), MeshOptions(shape=0), ignore_step)
    assert "occluded" in patch.warnings
    result = paste_back(image, patch).pixels
    away = np.abs(result.astype(np.int16) - pixels).max(2)
    eyes = oval_mask(pixels.shape, mesh_of(astronaut))
    for left in (True, False):
        column, row = np.round(eye(mesh_of(astronaut), left)).astype(int)
        near = away[row - 3 : row + 4, column - 5 : column + 6]
        assert eyes[row, column] == 1
        assert np.quantile(near, 0.85) < 40, left


def test_a_plain_face_is_not_called_covered(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    """She has a fringe."""
    own, occluded = own_face(astronaut, astronaut.image.pixels, astronaut_likeness)
    assert not occluded
    assert mask_at(own, astronaut, 50, 280, 4, 13, 159, 386) > 0.9


def test_a_beard_is_not_called_a_cover(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    _, occluded = own_face(astronaut, draw_beard(astronaut.image.pixels, mesh_of(astronaut)), astronaut_likeness)
    assert not occluded


def test_a_shadow_over_half_of_a_face_is_not_called_a_cover(
    astronaut: Portrait, astronaut_likeness: MeshLikeness
) -> None:
    mesh, pixels = mesh_of(astronaut), astronaut.image.pixels
    across = (np.arange(pixels.shape[1]) - mesh[1, 0]) / face_width(mesh)
    for width in (0.02, 0.3):  # of its edge, in face widths
        light = 1 - 0.55 / (1 + np.exp(-across / width * 4))
        shaded = (pixels * light[None, :, None]).astype(np.uint8)
        assert not own_face(astronaut, shaded, astronaut_likeness)[1], width


def test_make_up_and_grey_are_not_called_covers(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    mesh, pixels = mesh_of(astronaut), astronaut.image.pixels.copy()
    grey = np.repeat(pixels.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    assert not own_face(astronaut, grey, astronaut_likeness)[1]
    for cheek in ((117, 118, 101, 36, 205, 187), (346, 347, 330, 266, 425, 411)):
        hull = np.round(cv2.convexHull(mesh[list(cheek), :2])).astype(np.int32)
        blush = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillConvexPoly(blush, hull, (1,))
        soft = cv2.GaussianBlur(blush.astype(np.float32), (0, 0), 4)[..., None] * 0.4
        pixels = (pixels * (1 - soft) + np.array([215, 70, 90]) * soft).astype(np.uint8)
    assert not own_face(astronaut, pixels, astronaut_likeness)[1]


def draw_hand_on_a_cheek(portrait: Portrait) -> tuple[Pixels, Mask, Floats]:
    """The picture with fingers before the left cheek, (H, W) where they are, and the (21, 2) joints of their hand."""
    mesh, width = mesh_of(portrait), face_width(mesh_of(portrait))
    tip = mesh[50, :2]
    pixels, alpha = draw_fingers(portrait.image.pixels, mesh, tip, 150, 3)
    along = np.array([np.cos(np.radians(150)), np.sin(np.radians(150))])
    aside = np.array([-along[1], along[0]])
    hand = [
        tip + along * 1.3 * width,
        *(tip + along * (1.2 - 0.1 * joint) * width + aside * 0.2 * width for joint in range(4)),
    ]
    for finger in (-1.05, -0.05, 0.95, 1.6):
        hand += [tip + aside * finger * 0.13 * width + along * (0.75 - 0.23 * joint) * width for joint in range(4)]
    return pixels, alpha, np.array(hand, np.float32)


def test_joints_of_a_hand_keep_the_hand(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    """A finger on a cheek hides no feature: only the joints tell of it."""
    pixels, alpha, hand = draw_hand_on_a_cheek(astronaut)
    mesh, seen = mesh_of(astronaut), Surroundings(hands=lambda: [hand])
    own = find_own_face(pixels, mesh, seen, astronaut_likeness.texture.colour)
    assert "occluded" in own.warnings
    assert (own.mask[inside(alpha, mesh)] < 0.5).mean() > 0.8
    assert mask_at(own.mask, astronaut, 280, 4, 13, 159, 386) > 0.9


def test_a_hand_before_a_reference_is_not_copied(astronaut: Portrait) -> None:
    """What it hides comes from the other half of the face. A hand that is elsewhere hides nothing."""
    pixels, alpha, hand = draw_hand_on_a_cheek(astronaut)
    mesh, image = mesh_of(astronaut), replace(astronaut.image, pixels=pixels)
    before = find_hands_before(pixels, mesh, [hand])
    assert before is not None
    assert (before[inside(alpha, mesh)] > 127).mean() > 0.8
    assert not before[mesh_places(mesh, 280, 4, 13, 159, 386)].any()
    beside = hand + np.array([0, 2 * face_width(mesh)], np.float32)
    assert find_hands_before(astronaut.image.pixels, mesh, [beside]) is None
    views = [read_view(image, mesh, texture_side(mesh), each) for each in (None, before)]
    copied, cleared = (view.seen[texture_place(view, 50)] for view in views)
    assert copied > 0.9
    assert cleared < 0.1


def mesh_places(mesh: Mesh, *vertices: int) -> tuple[NDArray[np.intp], ...]:
    columns, rows = np.round(mesh[list(vertices), :2]).astype(np.intp).T
    return rows, columns


def texture_place(view: View, vertex: int) -> tuple[int, int]:
    u, v = topology().uv[vertex] * view.colour.shape[0]
    return int(v), int(u)


def test_background_inside_the_outline_stays(astronaut: Portrait, astronaut_likeness: MeshLikeness) -> None:
    """Where the mesh reaches past the cheek, the person's own outline ends the face, whatever the wall's colour."""
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    person = np.ones(pixels.shape[:2], np.float32)
    width, row = face_width(mesh), round(float(mesh[288, 1]))
    edge = round(float(mesh[288, 0] - 0.09 * width))
    person[:, edge:] = 0
    seen = Surroundings(person=person, to_region=np.eye(2, 3, dtype=np.float32))
    own = find_own_face(pixels, mesh, seen, astronaut_likeness.texture.colour).mask
    without = find_own_face(pixels, mesh, Surroundings(), astronaut_likeness.texture.colour).mask
    assert without[row, edge + 3] > 0.5
    assert own[row, edge + 3] < 0.5
    assert own[row, edge - round(0.06 * width)] > 0.9


def test_a_person_lies_where_the_region_has_them(models: ModelStore, astronaut: Portrait) -> None:
    """Half the size and moved: the face's middle is still a person."""
    reader = SurroundingsReader.load(models)
    mesh = mesh_of(astronaut)
    with reader.reading(astronaut.image.pixels, mesh, np.array([[0.5, 0, -20], [0, 0.5, -10]], np.float32)) as seen:
        assert not seen.hands()
    assert seen.person is not None
    assert seen.to_region is not None
    there = cv2.warpAffine(seen.person, seen.to_region, (256, 256))
    assert there[round(float(mesh[1, 1]) / 2 - 10), round(float(mesh[1, 0]) / 2 - 20)] > 0.9
    assert len(reader.models) == 3
