"""Jitter goes and motion stays; a swap comes and goes softly round what hides a face; nothing depends on the past."""

import tracemalloc

import numpy as np
import pytest

from mien_pipeline.clips.steadiness import FADE, find_covered, find_drifted, find_stirred, plan_shares, smooth
from mien_pipeline.image import Floats, Pixels


def walk(count: int) -> Floats:
    """(n, 468, 3): a face that goes to the right, two pixels a picture."""
    mesh = np.random.default_rng(0).uniform(0, 100, (1, 468, 3)).astype(np.float32)
    steps = np.zeros((count, 1, 3), np.float32)
    steps[:, 0, 0] = 2 * np.arange(count)
    return mesh + steps


def second_difference(meshes: Floats) -> float:
    return float(np.abs(np.diff(meshes, 2, axis=0)).mean())


def test_jitter_falls_to_a_third_and_the_way_stays() -> None:
    way = walk(40)
    seen = way + np.random.default_rng(1).normal(0, 0.5, way.shape).astype(np.float32)
    steady = smooth(seen)
    assert second_difference(steady) < second_difference(seen) / 3
    assert np.abs(smooth(way) - way).max() < 1e-3


def test_a_jump_is_not_seen_before_its_time_more_than_after() -> None:
    """The window is as long before a picture as after it, so the face does not lag."""
    meshes = np.zeros((21, 468, 3), np.float32)
    meshes[11:] = 1
    meshes[10] = 0.5
    curve = smooth(meshes)[:, 0, 0]
    assert curve + curve[::-1] == pytest.approx(np.ones(21), abs=1e-5)


def test_a_patch_over_a_third_of_a_face_is_found_where_it_is_and_a_dimmed_lamp_is_not() -> None:
    face = np.random.default_rng(2).integers(60, 200, (64, 64)).astype(np.uint8)
    face = np.repeat(np.repeat(face[::8, ::8], 8, 0), 8, 1)
    textures = [face.copy() for _ in range(30)]
    for texture in textures[12:20]:
        texture[30:, :] = 30
    textures[25] = (textures[25] * 0.6).astype(np.uint8)
    covered = find_covered(textures)
    assert covered.nonzero()[0].tolist() == list(range(12, 20))


def sing(count: int) -> list[Pixels]:
    """A face on a stage: it turns, so that a side is not seen, a lamp goes round it, and its mouth opens and shuts."""
    face = np.random.default_rng(2).integers(60, 200, (8, 8)).astype(np.float32)
    face, across = np.repeat(np.repeat(face, 8, 0), 8, 1), np.linspace(-1, 1, 64)
    textures = list[Pixels]()
    for number in range(count):
        turn = np.sin(number / 3)
        texture = face * (1 + 0.25 * turn * across)
        texture[40:44, 27:37] = 20 if number % 4 < 2 else 230
        texture[:, :12] = 0 if turn > 0.5 else texture[:, :12]
        texture[:, 52:] = 0 if turn < -0.5 else texture[:, 52:]
        textures.append(texture.astype(np.uint8))
    return textures


def test_a_face_that_turns_in_the_light_of_a_stage_and_sings_is_not_covered_and_a_patch_over_it_is_found() -> None:
    """Of a singer with bare face all pictures were once taken for covered, and none was swapped."""
    textures = sing(60)
    assert not find_covered(textures).any()
    for texture in textures[30:36]:
        texture[24:46, 16:42] = 20
    assert find_covered(textures).nonzero()[0].tolist() == list(range(30, 36))


def test_a_face_that_looks_otherwise_in_every_picture_is_covered_where_that_stands_out() -> None:
    random = np.random.default_rng(3)
    textures = [random.integers(105, 195, (64, 64)).astype(np.uint8) for _ in range(30)]
    assert not find_covered(textures).any()
    textures[12][20:36, 12:42] = 10
    assert find_covered(textures).nonzero()[0].tolist() == [12]


def test_a_face_that_is_never_seen_is_not_covered() -> None:
    assert not find_covered([np.zeros((64, 64), np.uint8)] * 3).any()


def test_a_strip_that_passes_stirs_a_face_from_the_picture_before_to_the_one_after() -> None:
    """It is too small to count as a cover, and where it stands still nothing is stirred."""
    face = np.random.default_rng(2).integers(60, 200, (8, 8)).astype(np.uint8)
    textures = [np.repeat(np.repeat(face, 8, 0), 8, 1) for _ in range(20)]
    for number, column in ((8, 26), (9, 36), (10, 36), (11, 36)):
        textures[number][40:, column : column + 6] = 10
    assert find_stirred(textures).nonzero()[0].tolist() == [7, 8, 9, 11, 12]
    assert not find_covered(textures).any()
    assert find_stirred(textures[:1]).tolist() == [False]


def test_what_comes_slowly_over_a_face_makes_it_drift_and_a_dimmed_lamp_does_not() -> None:
    face = np.random.default_rng(2).integers(60, 200, (8, 8)).astype(np.uint8)
    calm = np.repeat(np.repeat(face, 8, 0), 8, 1)
    textures = [calm.copy() for _ in range(40)]
    for number, texture in enumerate(textures[10:30], 10):
        texture[40:, 26 : 27 + (number - 10) // 2] = 10  # no picture differs much from the one before
    textures[35] = (calm * 0.6).astype(np.uint8)
    assert not find_stirred(textures)[11:29].any()
    drifts = find_drifted(textures).nonzero()[0].tolist()
    assert drifts
    assert 10 < drifts[0] < 29
    assert 35 not in drifts
    assert 30 in drifts


def test_what_a_strip_stirs_is_looked_for_in_two_pictures_at_a_time() -> None:
    """A track may have tens of thousands, each of them four times as large as numbers with a point."""
    textures = [np.full((64, 64), 100, np.uint8)] * 100
    find_stirred(textures[:2])  # what is loaded once is there
    tracemalloc.start()
    find_stirred(textures)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * 4 * textures[0].size


def test_a_swap_fades_over_a_few_pictures_round_what_hides_the_face() -> None:
    hidden = np.zeros(40, bool)
    hidden[20:23] = True
    shares = plan_shares(hidden, opens=False, closes=False)
    assert shares[20:23].tolist() == [0, 0, 0]
    assert (np.diff(shares[20 - FADE - 1 : 21]) < 0).all()
    assert (shares[: 20 - FADE] == 1).all()
    assert (np.diff(shares[22 : 22 + FADE + 2]) > 0).all()
    assert (shares[23 + FADE :] == 1).all()


def test_a_face_that_comes_in_mid_shot_fades_in_and_one_that_is_there_at_the_cut_does_not() -> None:
    bare = np.zeros(30, bool)
    assert plan_shares(bare, opens=False, closes=False).min() == 1
    coming = plan_shares(bare, opens=True, closes=False)
    assert coming[0] < 0.2
    assert coming[FADE] == 1
    assert coming[-1] == 1
