"""Eyes: the reference's own where they fit, turned to where the target looks; shut ones stay shut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.mesh.eyes import (
    CLOSED_OPENNESS,
    REACH,
    SQUINT,
    Eye,
    EyeSwap,
    plan_eye_swap,
    turn_irises,
)
from mien_testing.portraits import Portrait, mesh_of


def eye(along: float = 0.0, down: float = 0.0, openness: float = 0.2) -> Eye:
    return Eye(along, down, openness)


def test_eyes_that_agree_are_the_references_own() -> None:
    left, right = plan_eye_swap((eye(), eye()), (eye(), eye()), own_gaze=False)
    assert left.share == right.share == 1


def test_shut_eyes_stay_shut() -> None:
    shut = eye(openness=CLOSED_OPENNESS - 0.03)
    assert [each.share for each in plan_eye_swap((eye(), eye()), (shut, shut), own_gaze=False)] == [0, 0]
    assert [each.share for each in plan_eye_swap((eye(), eye()), (shut, shut), own_gaze=True)] == [0, 0]


@pytest.mark.parametrize("winks", ["target", "reference"])
def test_beside_a_wink_the_open_eye_is_the_targets_own_too(winks: str) -> None:
    wink, calm = (eye(openness=0.02), eye()), (eye(), eye())
    left, right = plan_eye_swap(*((wink, calm) if winks == "reference" else (calm, wink)), own_gaze=False)
    assert (left.share, left.shut) == (0, True)
    assert (right.share, right.shut) == (0, False)


def test_a_reference_that_shuts_its_eyes_leaves_the_target_its_lids() -> None:
    """Creases of a squint around a wide open eye would look drawn."""
    squinting = eye(openness=CLOSED_OPENNESS - 0.01)
    swaps = plan_eye_swap((squinting, squinting), (eye(), eye()), own_gaze=False)
    assert [(each.share, each.shut) for each in swaps] == [(0, True)] * 2


@settings(deadline=None)
@given(
    one=st.builds(eye, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.1, 0.4)),
    two=st.builds(eye, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.1, 0.4)),
)
def test_two_open_eyes_are_exchanged_alike_so_that_they_have_one_colour(one: Eye, two: Eye) -> None:
    left, right = plan_eye_swap((eye(), eye()), (one, two), own_gaze=False)
    assert left.share == right.share
    assert left.share in (0, 1)  # a mixture would show both eyes


def test_the_iris_moves_to_where_the_target_looks_and_the_corners_stay(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    points = (mesh[:, :2] - mesh[:, :2].min(0)).astype(np.float32)
    height, width = int(points[:, 1].max()) + 2, int(points[:, 0].max()) + 2
    columns = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    places = np.stack([columns, np.tile(np.arange(height, dtype=np.float32)[:, None], (1, width))], 2)
    look = EyeSwap(1.0, 0.0, 0.1)
    found = turn_irises(places, points, (look, look))
    outer, inner = points[33], points[133]
    middle = (outer + inner) / 2
    moved = float(found[int(middle[1]), int(middle[0] + 0.1 * (inner - outer)[0]), 0])
    assert moved == pytest.approx(float(middle[0]), abs=0.6)
    assert np.abs(found[int(outer[1]), int(outer[0]) - 2] - places[int(outer[1]), int(outer[0]) - 2]).max() < 0.6


@pytest.mark.parametrize("gaze", [(-0.1, -0.27), (0.35, 0.3), (0.2, -0.3), (-0.4, -0.38)])
def test_both_eyes_look_the_same_way_and_no_iris_passes_its_lids(gaze: tuple[float, float]) -> None:
    """What the network reads of one eye alone would make a face squint."""
    reference = Eye(0.05, 0, 0.2), Eye(-0.03, 0, 0.2)
    left, right = plan_eye_swap(reference, (Eye(gaze[0], 0, 0.2), Eye(gaze[1], 0, 0.2)), own_gaze=False)
    assert abs((left.target_along - right.target_along) - 0.08) <= SQUINT + 1e-6
    assert max(abs(left.target_along), abs(right.target_along)) <= REACH + 1e-6
    assert (left.target_along + right.target_along) * sum(gaze) > 0
