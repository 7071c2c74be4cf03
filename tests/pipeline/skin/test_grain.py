"""Grain: a new face has the target's, no more and no less, and none of its wrinkles."""

import numpy as np
import pytest

from mien_pipeline.image import Floats
from mien_pipeline.skin import grain
from mien_pipeline.skin.grain import match_grain

EVERYWHERE = np.ones((96, 96), np.float32)


def texture(seed: int, amount: float) -> Floats:
    return (0.3 * (1 + amount * np.random.default_rng(seed).standard_normal((96, 96, 3)))).clip(0.01, 1).astype("f4")


def test_grain_ends_up_as_strong_as_the_targets() -> None:
    for have, want in ((1.0, 6.0), (6.0, 1.0), (4.0, 4.0)):
        rng = np.random.default_rng(2)
        face, target = ((120 + amount * rng.standard_normal((96, 96, 3))).astype(np.float32) for amount in (have, want))
        matched = match_grain(face, target, EVERYWHERE, EVERYWHERE)
        energy = [np.diff(part[..., 1], axis=0).std() for part in (matched, target)]
        assert abs(np.log2(energy[0] / energy[1])) < 0.35


def test_a_targets_wrinkles_are_not_taken_for_grain() -> None:
    """Lines on an old face neither come with its grain nor are they what the grain is made of."""
    rng = np.random.default_rng(3)
    grain = 4 * rng.standard_normal((96, 96, 3))
    lines = np.zeros((96, 96, 1))
    lines[::6] = -40
    face, target = np.full((96, 96, 3), 120, np.float32), (120 + grain + lines).astype(np.float32)
    matched = match_grain(face, target, EVERYWHERE, EVERYWHERE)
    rows = matched.mean((1, 2)) - matched.mean()
    assert np.abs(rows).max() < 2
    assert matched.std() > 1


def test_skin_that_was_made_up_smooth_gets_the_grain_that_the_rest_has() -> None:
    rng = np.random.default_rng(4)
    face, target = ((120 + 5 * rng.standard_normal((96, 96, 3))).astype(np.float32) for _ in range(2))
    face[30:60, 30:60] = 120
    matched = match_grain(face, target, EVERYWHERE, EVERYWHERE)
    energy = [np.diff(part[..., 1], axis=0).std() for part in (matched[38:52, 38:52], target)]
    assert abs(np.log2(energy[0] / energy[1])) < 0.5


def test_too_little_skin_to_measure_leaves_the_face_alone() -> None:
    face, target = texture(0, 0.1), texture(1, 0.4)
    assert match_grain(face, target, EVERYWHERE, np.zeros((96, 96), np.float32)) is face


def test_a_face_that_is_worked_on_in_stripes_gets_the_same_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    face, target = ((120 + amount * rng.standard_normal((700, 80, 3))).astype(np.float32) for amount in (1.0, 6.0))
    weight = np.linspace(0, 1, 700 * 80, dtype=np.float32).reshape(700, 80)
    whole = match_grain(face, target, weight, np.ones((700, 80), np.float32))
    monkeypatch.setattr(grain, "STRIPE_PX", grain.TILE_PX)
    striped = match_grain(face, target, weight, np.ones((700, 80), np.float32))
    assert np.abs(striped - whole).max() < 1e-3


def test_the_middle_of_a_large_face_tells_its_grain_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    face, target = ((120 + amount * rng.standard_normal((300, 300, 3))).astype(np.float32) for amount in (1.0, 6.0))
    everywhere = np.ones((300, 300), np.float32)
    whole = match_grain(face, target, everywhere, everywhere)
    monkeypatch.setattr(grain, "MEASURED_PX", 20_000)
    part = match_grain(face, target, everywhere, everywhere)
    assert abs(float(part.std() / whole.std()) - 1) < 0.05


def test_smoother_skin_on_the_target_leaves_lashes_and_lips_sharp() -> None:
    """Both faces have edges of one sharpness; only the skin of the target is smoother."""
    rng = np.random.default_rng(6)
    edges = np.zeros((96, 96, 1), np.float32)
    edges[40:44, 20:76] = edges[60:64, 20:76] = -90
    face, target = (
        (140 + edges + amount * rng.standard_normal((96, 96, 3))).astype(np.float32) for amount in (4.0, 1.0)
    )
    matched = match_grain(face, target, EVERYWHERE, EVERYWHERE)
    steps = [np.abs(np.diff(part[36:68, 24:72, 1], axis=0)).max(0).mean() for part in (face, matched)]
    assert steps[1] > 0.85 * steps[0]
    assert matched[4:30, 4:90].std() < 0.4 * face[4:30, 4:90].std()
