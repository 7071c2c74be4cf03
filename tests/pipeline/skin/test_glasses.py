"""Glasses: noticed where a face wears them, with their rims and nothing else."""

import cv2
import numpy as np
import pytest

from mien_pipeline.faces.topology import LEFT_EYE, RIGHT_EYE, face_width
from mien_pipeline.skin.glasses import glasses_mask
from mien_testing.portraits import Portrait, mask_at, mesh_of


def test_glasses_are_noticed_where_they_are_worn(astronaut: Portrait, admiral: Portrait) -> None:
    assert glasses_mask(admiral[0].pixels, mesh_of(admiral)).any()
    assert not glasses_mask(astronaut[0].pixels, mesh_of(astronaut)).any()


def test_rims_are_found_around_the_eyes_and_not_on_them(admiral: Portrait) -> None:
    found = glasses_mask(admiral[0].pixels, mesh_of(admiral))
    assert 0.005 < found[found > 0.5].size / found.size < 0.05
    assert mask_at(found, admiral, 159, 386, 145, 374, 50, 280, 13) < 0.05


def test_a_face_without_glasses_has_no_rims(astronaut: Portrait) -> None:
    assert not glasses_mask(astronaut[0].pixels, mesh_of(astronaut)).any()


@pytest.mark.parametrize("turn_deg", [0, 30, 90, 180])
def test_thin_rims_are_found_whichever_way_the_head_is_held(astronaut: Portrait, turn_deg: float) -> None:
    image, mesh = astronaut[0], mesh_of(astronaut)
    worn = image.pixels.copy()
    for ring in (LEFT_EYE, RIGHT_EYE):
        x, y = (round(float(value)) for value in mesh[list(ring), :2].mean(0))
        cv2.circle(worn, (x, y), round(0.14 * face_width(mesh)), (70, 60, 60), 1)
    bridge = round(float(mesh[168, 1]))
    cv2.line(worn, (round(float(mesh[133, 0])), bridge), (round(float(mesh[362, 0])), bridge), (70, 60, 60), 1)
    middle = mesh[168, :2]
    turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), turn_deg, 1.0).astype(np.float32)
    turned = cv2.warpAffine(worn, turn, worn.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    points = mesh.copy()
    points[:, :2] = mesh[:, :2] @ turn[:, :2].T + turn[:, 2]
    found = glasses_mask(np.asarray(turned, np.uint8), points)
    below = points[[119, 348], :2]
    assert all(
        found[round(float(y)) - 9 : round(float(y)) + 10, round(float(x)) - 9 : round(float(x)) + 10].max() > 0.5
        for x, y in below
    )


def test_dark_lids_under_a_frown_are_no_glasses(astronaut: Portrait) -> None:
    """Lashes and creases close to squinting eyes make rims, and what is drawn between them a bar."""
    image, mesh = astronaut[0], mesh_of(astronaut)
    squinting = image.pixels.copy()
    for ring in (LEFT_EYE, RIGHT_EYE):
        lids = mesh[list(ring), :2]
        crease = np.round(lids.mean(0) + 1.35 * (lids - lids.mean(0))).astype(np.int32)
        cv2.polylines(squinting, [cv2.convexHull(crease)], True, (120, 75, 60), 2)
    start, end = (tuple(int(value) for value in np.round(mesh[vertex, :2])) for vertex in (193, 285))
    frown = cv2.line(np.zeros(squinting.shape[:2], np.uint8), start, end, (1,), 2) > 0
    squinting[frown] = squinting[frown] * 0.8
    assert not glasses_mask(squinting, mesh).any()
