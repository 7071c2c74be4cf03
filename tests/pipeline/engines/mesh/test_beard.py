"""Beards promise: one that hides the skin is found whole, on both sides; shade, a cloth and bare skin are none."""

from dataclasses import replace

import numpy as np
import pytest

from mien_pipeline.engines.mesh.beard import find_full_beard
from mien_pipeline.engines.mesh.engine import MeshLikeness
from mien_pipeline.engines.mesh.hidden import SIDE
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.accessories.covers import draw_mask
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Mask
from mien_pipeline.progress import ignore_step
from mien_testing.beards import grow_beard
from mien_testing.portraits import mesh_of

JAW, CHIN, CHEEKS, LIPS = (150, 379), (152, 175, 199), (50, 280, 117, 346), (0, 17, 37, 267)


def measure(beard: Mask, vertices: tuple[int, ...]) -> float:
    places = np.round(topology().uv[list(vertices)] * SIDE).astype(int)
    return float(beard[places[:, 1], places[:, 0]].mean())


def test_a_full_beard_is_whole_from_the_lip_to_the_chin_and_leaves_cheeks_and_lips(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    beard = find_full_beard(grow_beard(astronaut.image.pixels, mesh), mesh)
    assert beard is not None
    assert measure(beard, CHIN) > 0.9
    assert measure(beard, JAW) > 0.9
    assert measure(beard, (164,)) > 0.5  # between nose and lips
    assert measure(beard, CHEEKS) < 0.05
    assert measure(beard, LIPS) < 0.5


def test_bare_skin_has_no_beard(astronaut: Portrait, admiral: Portrait) -> None:
    for portrait in (astronaut, admiral):
        assert find_full_beard(portrait.image.pixels, mesh_of(portrait)) is None


@pytest.mark.parametrize("side", [-1, 1])
def test_shade_on_one_side_is_no_beard(astronaut: Portrait, side: int) -> None:
    pixels, mesh = astronaut.image.pixels, mesh_of(astronaut)
    across = side * (np.arange(pixels.shape[1]) - mesh[1, 0]) / face_width(mesh)
    light = 1 - 0.7 / (1 + np.exp(-across / 0.02))
    assert find_full_beard((pixels * light[None, :, None]).astype(np.uint8), mesh) is None


def test_a_cloth_before_the_mouth_is_no_beard(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    assert find_full_beard(draw_mask(astronaut.image.pixels, mesh, (28, 28, 30))[0], mesh) is None


def test_a_swap_and_a_clip_keep_a_targets_full_beard_and_say_so(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    mesh, settings = mesh_of(astronaut), MeshOptions().make_steady()
    bearded = replace(astronaut.image, pixels=grow_beard(astronaut.image.pixels, mesh))
    known = admiral_likeness.look(bearded, astronaut.face, settings)
    for made in (
        admiral_likeness.render(bearded, astronaut.face, settings, ignore_step),
        admiral_likeness.render_known(bearded, astronaut.face, settings, known, known, 0.5),
    ):
        assert "beard-kept" in made.warnings
        assert made.intent is not None
        own, places = made.intent.own, transform(mesh[list(CHIN[:2] + CHEEKS[:2]), :2], made.intent.to_own)
        chin, cheek = (own[tuple(np.round(part[:, ::-1]).astype(int).T)] for part in (places[:2], places[2:]))
        assert chin.max() < 0.1
        assert cheek.min() > 0.9


def test_whether_a_clips_person_has_a_full_beard_is_decided_once(
    astronaut: Portrait, admiral_likeness: MeshLikeness
) -> None:
    """Else a short beard comes and goes from picture to picture."""
    settings = MeshOptions().make_steady()
    bearded = replace(astronaut.image, pixels=grow_beard(astronaut.image.pixels, mesh_of(astronaut)))
    for person, keeps in ((bearded, True), (astronaut.image, False)):
        settled = admiral_likeness.settle(person, astronaut.face)
        known = settled.look(bearded, astronaut.face, settings)
        assert known is not None
        assert ("beard-kept" in known.warnings) == keeps
        assert ("beard-kept" in settled.render(bearded, astronaut.face, settings, ignore_step).warnings) == keeps
