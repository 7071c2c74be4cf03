"""Registration promises: features of one person's textures meet in the middle, and equal textures stay."""

from dataclasses import replace

import numpy as np
import pytest

from mien_pipeline.engines.mesh.registration import look_closely, register
from mien_pipeline.engines.mesh.texture import View, read_view
from mien_pipeline.face import Portrait
from mien_pipeline.image import Floats
from mien_testing.portraits import mesh_of

SIDE = 256
MIDDLE = slice(90, 170)


@pytest.fixture(scope="module")
def straight(astronaut: Portrait) -> View:
    return read_view(astronaut.image, mesh_of(astronaut), SIDE)


def shifted(view: View, down: int) -> View:
    """The view with everything `down` pixels further down."""
    return replace(view, colour=np.roll(view.colour, down, 0))


def apart(one: View, other: View) -> float:
    looks: list[Floats] = [look_closely(view)[MIDDLE, MIDDLE] for view in (one, other)]
    return float(np.abs(looks[0] - looks[1]).mean())


def test_the_same_features_lie_in_the_same_places_afterwards(straight: View) -> None:
    low, high = shifted(straight, 2), shifted(straight, -2)
    met = register([low, high], [1, 1])
    assert apart(*met) < 0.5 * apart(low, high)
    assert apart(met[0], straight) < 0.7 * apart(low, straight), "they meet in the middle"


def test_textures_that_agree_stay_as_they_are(straight: View) -> None:
    for view in register([straight, straight, straight], [1, 0.5, 0.2]):
        assert np.abs(view.colour.astype(int) - straight.colour)[MIDDLE, MIDDLE].mean() < 0.5
