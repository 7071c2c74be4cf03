"""A reference's beard promises: skin below it is as the cheeks are, and hair lies over that in its own colour."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.beard import find_hair
from mien_pipeline.engines.mesh.shaving import DrawnBeard, lay_beard
from mien_pipeline.engines.mesh.texture import Texture, unroll
from mien_pipeline.face import Portrait
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_testing.beards import grow_beard
from mien_testing.portraits import mesh_of

SIDES, CHEEKS, LIPS = ((204, 211, 202), (424, 431, 422)), (50, 280, 117, 346), (11, 16)


def read(part: Pixels | Mask, vertices: tuple[int, ...]) -> Floats:
    """The mean of a texture around vertices."""
    soft = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 2)
    places = (topology().uv[list(vertices)] * part.shape[0]).astype(int)
    return np.asarray(soft[places[:, 1], places[:, 0]].mean(0), np.float32)


@pytest.fixture(scope="module")
def bearded(astronaut: Portrait) -> Texture:
    image, mesh = astronaut.image, mesh_of(astronaut)
    return unroll(replace(image, pixels=grow_beard(image.pixels, mesh)), mesh)


def test_a_beard_is_a_layer_of_its_own_over_skin_as_the_cheeks_are(bearded: Texture) -> None:
    assert bearded.beard is not None
    for side in SIDES:
        assert read(bearded.colour, side).mean() == pytest.approx(read(bearded.colour, CHEEKS).mean(), rel=0.2)
        assert read(bearded.validity, side) > 250
        assert read(bearded.skin, side) < 5  # light is not learnt from skin that was made up
        assert read(bearded.beard.colour, side).mean() < 110
    left, right = (read(bearded.beard.share, side) for side in SIDES)
    assert min(left, right) > 150
    assert left / right == pytest.approx(1, rel=0.2)
    assert read(bearded.beard.share, CHEEKS) < 5
    assert read(bearded.beard.share, LIPS) < 60


def test_a_beard_thins_out_and_is_brown_or_grey(bearded: Texture) -> None:
    """A torn edge and holes look pasted; the neighbours of a hair are hair."""
    assert bearded.beard is not None
    share = bearded.beard.share.astype(np.float32)
    assert max(np.abs(np.diff(share, axis=axis)).max() for axis in (0, 1)) < 110
    solid = cv2.GaussianBlur(share, (0, 0), 0.01 * len(share)) > 140
    assert (share[solid] > 50).mean() > 0.99
    red, green, blue = (bearded.beard.colour[..., channel].astype(int) for channel in range(3))
    assert (red[solid] >= green[solid]).all()
    assert (green[solid] >= blue[solid]).all()


def test_a_texture_of_bare_skin_alone_keeps_its_beard(bearded: Texture) -> None:
    bare = replace(bearded, painted_over=0.5).keep_skin()
    assert bare.beard is bearded.beard
    assert min(read(bare.validity, side) for side in SIDES) > 200


def test_a_face_without_a_beard_has_no_such_layer(astronaut: Portrait, admiral: Portrait) -> None:
    for portrait in (astronaut, admiral):
        image, mesh = portrait.image, mesh_of(portrait)
        assert find_hair(image.pixels, mesh) is None
        assert unroll(image, mesh).beard is None


def lay_on(skin: tuple[int, int, int], hair: tuple[int, int, int], target: tuple[int, int, int]) -> Floats:
    """The colour of hair that grew on `skin` after it is laid on `target`."""
    new, drawn, layer = (np.full((48, 48, 3), colour, np.float32) for colour in (target, skin, hair))
    share, grid = np.ones((48, 48), np.float32), Grid.over((48, 48), 2)
    laid = lay_beard(new, drawn.astype(np.uint8), DrawnBeard(layer.astype(np.uint8), share), grid, 48)
    return np.asarray(laid[24, 24], np.float32)


def test_black_hair_stays_dark_and_no_hair_turns_blue_on_fair_skin() -> None:
    dark, fair = (95, 62, 48), (225, 185, 170)
    assert lay_on(dark, (30, 24, 20), fair).mean() < 70
    red, green, blue = lay_on((180, 110, 80), (80, 52, 40), fair)
    assert red >= green >= blue


def test_black_hair_of_a_grey_reference_has_the_hue_of_the_targets_skin() -> None:
    red, green, blue = lay_on((150, 150, 150), (50, 50, 50), (225, 180, 160))
    assert red > 1.1 * green > 1.1 * blue
    assert np.ptp(lay_on((150, 150, 150), (50, 50, 50), (200, 200, 200))) < 2


def test_hair_takes_the_light_of_the_target() -> None:
    skin, hair = (210, 165, 145), (80, 60, 48)
    assert lay_on(skin, hair, skin) == pytest.approx(hair, abs=2)
    assert lay_on(skin, hair, (70, 52, 45)).mean() < 35
    green = lay_on(skin, hair, (60, 190, 70))
    assert green[1] > 1.5 * max(green[0], green[2])
