"""What glasses hide of a face is found whatever their frame is like, and nothing where a face wears none."""

import numpy as np
import pytest

from mien_pipeline.evaluation.accessories.glasses import Lens, Shape, draw_glasses
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Mask
from mien_pipeline.skin.eyewear import dims_both_eyes, find_behind_glasses, find_frame
from mien_testing.portraits import Portrait, mask_at, mesh_of

LENSES: tuple[Lens, ...] = ("brown", "tinted", "clear")
BROWS, UNDER_THE_EYES, LIPS = (105, 66, 334, 296), (119, 348), (13, 14, 61, 291)


def hidden_on(portrait: Portrait, shape: Shape, lens: Lens, frame: float) -> tuple[Portrait, Mask]:
    """The portrait, and what drawn glasses hide of it."""
    mesh = mesh_of(portrait)
    return portrait, find_behind_glasses(draw_glasses(portrait[0].pixels, mesh, shape, lens, frame), mesh)


def test_nothing_is_hidden_on_a_bare_face(astronaut: Portrait) -> None:
    assert not find_behind_glasses(astronaut[0].pixels, mesh_of(astronaut)).any()


@pytest.mark.parametrize("shape", ["square", "pilot"])
def test_a_thick_frame_is_found_in_all_its_width(astronaut: Portrait, shape: Shape) -> None:
    mesh = mesh_of(astronaut)
    worn = draw_glasses(astronaut[0].pixels, mesh, shape, "clear", 0.05)
    hidden = find_behind_glasses(worn, mesh)
    frame = np.abs(worn.astype(int) - astronaut[0].pixels).max(2) > 60
    eyes = slice(int(mesh[9, 1]), int(mesh[195, 1])), slice(int(mesh[127, 0]), int(mesh[356, 0]))
    assert hidden[eyes][frame[eyes]].mean() > 0.97


def test_the_shadow_of_a_thick_frame_below_it_is_hidden_and_the_mouth_is_not(astronaut: Portrait) -> None:
    """What a lens shades of a cheek is a dark blotch on another face."""
    mesh = mesh_of(astronaut)
    worn = draw_glasses(astronaut[0].pixels, mesh, "square", "clear", 0.05)
    hidden = find_behind_glasses(worn, mesh)
    frame = np.abs(worn.astype(int) - astronaut[0].pixels).max(2) > 60
    for eye in (145, 374):
        column = round(float(mesh[eye, 0]))
        lowest = int(np.flatnonzero(frame[:, column]).max())
        assert hidden[lowest + round(0.05 * face_width(mesh)), column] > 0.5
    assert mask_at(hidden, astronaut, *LIPS) == 0


def test_thin_rims_leave_eyes_and_brows_to_be_seen(astronaut: Portrait) -> None:
    portrait, hidden = hidden_on(astronaut, "round", "clear", 0.008)
    assert mask_at(hidden, portrait, *BROWS) < 0.2
    assert mask_at(hidden, portrait, 159, 386, 145, 374) < 0.2
    assert hidden.max() > 0.9


def test_a_tinted_lens_hides_what_is_behind_it(astronaut: Portrait) -> None:
    portrait, hidden = hidden_on(astronaut, "square", "tinted", 0.018)
    assert mask_at(hidden, portrait, *UNDER_THE_EYES) > 0.8
    assert mask_at(hidden, portrait, *LIPS) == 0


def test_a_black_rim_that_the_mesh_takes_for_a_brow_is_hidden_with_its_shadow(admiral: Portrait) -> None:
    """Grace Hopper's browline frame is thicker than a rim is followed to either side."""
    hidden = find_behind_glasses(admiral[0].pixels, mesh_of(admiral))
    assert mask_at(hidden, admiral, *BROWS) > 0.9
    dark = admiral[0].pixels.max(2) < 70
    mesh = mesh_of(admiral)
    rows, columns = (
        slice(int(mesh[[105, 334], 1].min()), int(mesh[159, 1]) - 3),
        slice(int(mesh[70, 0]), int(mesh[300, 0])),
    )
    assert hidden[rows, columns][dark[rows, columns]].mean() > 0.95


def test_a_thick_frame_on_a_target_is_kept_in_all_its_width_and_a_bare_face_has_none(astronaut: Portrait) -> None:
    bare, mesh = astronaut[0].pixels, mesh_of(astronaut)
    worn = draw_glasses(bare, mesh, "square", "clear", 0.05)
    frame = np.abs(worn.astype(int) - bare).max(2) > 60
    found = find_frame(worn, mesh)
    eyes = slice(int(mesh[9, 1]), int(mesh[195, 1])), slice(int(mesh[127, 0]), int(mesh[356, 0]))
    assert found[eyes][frame[eyes]].mean() > 0.95
    assert mask_at(found, astronaut, *LIPS) == 0
    assert not find_frame(bare, mesh).any()


@pytest.mark.parametrize("lenses", [2, 1])
def test_eyes_behind_lenses_that_both_mirror_a_lamp_stay_with_the_frame(astronaut: Portrait, lenses: int) -> None:
    """What a lens mirrors is not told from the face behind it. One lens that shines leaves the other eye to be seen."""
    mesh = mesh_of(astronaut)
    worn = draw_glasses(astronaut[0].pixels, mesh, "round", "clear", 0.008)
    for lower in (145, 374)[:lenses]:
        x, y = (round(float(value)) for value in mesh[lower, :2])
        reach = round(0.07 * face_width(mesh))
        worn[y + reach // 3 : y + reach, x - reach : x + reach] = (90, 200, 250)
    for kept in (find_frame(worn, mesh), find_behind_glasses(worn, mesh)):
        seen = mask_at(kept, astronaut, *BROWS, 145, 374, 23, 253)
        assert seen > 0.9 if lenses == 2 else seen < 0.6
        assert mask_at(kept, astronaut, *LIPS) == 0


@pytest.mark.parametrize("shape", ["round", "square"])
def test_dark_lenses_are_told_from_tinted_and_clear_ones(astronaut: Portrait, shape: Shape) -> None:
    mesh = mesh_of(astronaut)
    dims = {lens: dims_both_eyes(draw_glasses(astronaut[0].pixels, mesh, shape, lens), mesh) for lens in LENSES}
    assert dims == {"brown": True, "tinted": False, "clear": False}
    assert not dims_both_eyes(astronaut[0].pixels, mesh)
