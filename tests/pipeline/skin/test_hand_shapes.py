"""Joints become a surely covered core and a possible outline around it."""

import numpy as np

from mien_pipeline.image import Floats
from mien_pipeline.skin.hand_shapes import draw_hand


def upright_hand(width: float) -> Floats:
    """(21, 2) an open hand in a picture of 400 px, its knuckles `width` apart; the thumb is on the left."""
    joints = [np.array([200.0, 330])]
    joints += [np.array([200 - 1.5 * width - 8 * step, 300 - 25 * step]) for step in range(4)]
    for finger in range(4):
        joints += [np.array([200 + (finger - 1.5) * width, 230 - 28 * step]) for step in range(4)]
    return np.array(joints, np.float32)


def test_the_core_lies_in_the_outline_and_both_on_the_fingers() -> None:
    sure, possible = draw_hand((400, 400), upright_hand(24))
    assert not (sure & ~possible & 1).any()
    assert np.count_nonzero(possible) > 1.5 * np.count_nonzero(sure)
    for x, y in upright_hand(24):
        assert sure[round(float(y)), round(float(x))]
    assert not possible[20, 20]


def test_the_outline_reaches_beyond_a_finger_tip_and_down_the_arm() -> None:
    sure, possible = draw_hand((400, 400), upright_hand(24))
    tip = upright_hand(24)[12]
    assert possible[round(float(tip[1])) - 18, round(float(tip[0]))]
    assert not sure[round(float(tip[1])) - 18, round(float(tip[0]))]
    assert possible[380, 200]


def test_a_hand_seen_from_its_edge_has_no_sure_thumb() -> None:
    """The network guesses where a hidden thumb is."""
    flat = upright_hand(8)
    tip = flat[4]
    assert not draw_hand((400, 400), flat)[0][round(float(tip[1])), round(float(tip[0]))]
