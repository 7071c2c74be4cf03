"""The new shape: the target's pose and expression, the reference's proportions, never too far."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.mesh.shape import MEAN_MOVE_LIMIT, blend_shape
from mien_pipeline.faces.topology import inter_ocular
from mien_testing.portraits import Portrait, mesh_of


def test_a_face_that_gives_way_to_itself_stays_where_it_is(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    moved = np.linalg.norm(blend_shape(mesh, mesh, 1.0) - mesh, axis=1)
    assert moved.max() < 0.02 * inter_ocular(mesh)


def test_nothing_moves_when_the_targets_shape_is_asked_for(astronaut: Portrait, admiral: Portrait) -> None:
    mesh = mesh_of(astronaut)
    assert np.allclose(blend_shape(mesh, mesh_of(admiral), 0.0), mesh)


@settings(deadline=None)
@given(amount=st.floats(0, 1), turn=st.floats(-0.5, 0.5), size=st.floats(0.5, 2))
def test_the_shape_moves_no_further_than_the_expression_allows_however_the_reference_is_held(
    astronaut: Portrait, admiral: Portrait, amount: float, turn: float, size: float
) -> None:
    target = mesh_of(astronaut)
    around = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    moved = blend_shape(target, (mesh_of(admiral) @ around.T * size).astype(np.float32), amount)
    mean = np.linalg.norm((moved - target)[:, :2], axis=1).mean() / inter_ocular(target)
    assert mean <= MEAN_MOVE_LIMIT * 1.05


def test_a_tilted_reference_lends_the_same_shape_as_an_upright_one(astronaut: Portrait, admiral: Portrait) -> None:
    target, reference = mesh_of(astronaut), mesh_of(admiral)
    tilt = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)
    upright, tilted = blend_shape(target, reference, 0.7), blend_shape(target, reference @ tilt.T * 3 + 50, 0.7)
    assert np.abs(upright - tilted).max() < 0.01 * inter_ocular(target)
