"""Cases in which results were bad: a picture the wrong way round, shut lids, a camera that moved."""

from dataclasses import replace

import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.transforms import blur_by_motion
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Pixels
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.mask import cheek_mask
from mien_testing.portraits import LOWER_LIDS, Portrait, mesh_of, shut_lids

UPPER_LIDS = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))


def swap_faces(
    likeness: MeshLikeness, portrait: Portrait, pixels: Pixels, options: MeshOptions | None = None
) -> Pixels:
    image = replace(portrait[0], pixels=pixels)
    return paste_back(image, likeness.render(image, portrait[1], options or MeshOptions(), ignore_step)).pixels


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_target_on_its_side_or_upside_down_gets_the_face_that_it_gets_upright(
    detector: MeshDetector, astronaut: Portrait, admiral_likeness: MeshLikeness, quarters: int
) -> None:
    image = astronaut[0]
    turned = np.ascontiguousarray(np.rot90(image.pixels, quarters))
    (found,) = detector.detect(replace(image, pixels=turned))
    result = swap_faces(admiral_likeness, (image, found), turned)
    upright = swap_faces(admiral_likeness, astronaut, image.pixels)
    inside = cheek_mask(upright.shape, mesh_of(astronaut)) > 0
    back = np.rot90(result, -quarters)[inside].astype(int)
    assert np.abs(back - image.pixels[inside]).mean() > 8
    assert np.abs(back - upright[inside]).mean() < 4


def test_shut_lids_stay_shut(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    """No iris of the reference shows through, and no white."""
    mesh = mesh_of(astronaut).copy()
    pixels = shut_lids(astronaut[0].pixels, mesh)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        mesh[list(upper)] = mesh[list(lower)]
    lying = (astronaut[0], replace(astronaut[1], mesh=mesh))
    result = swap_faces(admiral_likeness, lying, pixels, MeshOptions(shape=0))  # the line of lashes does not move
    lids = np.round(mesh_of(astronaut)[[159, 386], :2]).astype(int)
    for x, y in lids:
        part = slice(y, y + 3), slice(x - 2, x + 3)
        assert result[part].mean(2).std() < 1.5 * pixels[part].mean(2).std() + 6


def test_a_target_that_moved_gets_a_face_that_moved(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    """Along the motion the new face is about as soft as the old one was."""
    mesh, moving = mesh_of(astronaut), blur_by_motion(astronaut[0].pixels, 15)
    cheeks = cheek_mask(moving.shape, mesh) > 0
    new, old = (
        np.abs(np.diff(each.mean(2), axis=1))[cheeks[:, 1:]].mean()
        for each in (swap_faces(admiral_likeness, astronaut, moving), moving)
    )
    assert new < 1.3 * old
