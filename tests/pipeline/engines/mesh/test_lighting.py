"""Lighting: the same skin under the target's lamp."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_pipeline.engines.mesh.engine import MeshEngine
from mien_pipeline.engines.mesh.lighting import relight
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.skin.mask import cheek_mask
from mien_testing.portraits import mesh_of


@pytest.mark.parametrize("cast", [(0.5, 0.5, 0.5), (1.0, 0.7, 0.4), (0.3, 0.5, 0.9)])
def test_a_face_takes_the_targets_light_and_colour_cast(astronaut: Portrait, cast: tuple[float, ...]) -> None:
    """The same skin under another lamp is found again exactly."""
    mesh, pixels = mesh_of(astronaut), astronaut[0].pixels
    box = Box.around(mesh, 0.0, pixels.shape)
    face = pixels[box.part]
    light = np.clip((face / 255.0) ** 2.2 * np.array(cast), 0, 1)
    target: Pixels = np.round(light ** (1 / 2.2) * 255).astype(np.uint8)
    skin = np.ones(face.shape[:2], np.float32)
    result = relight(face, target, skin, np.zeros_like(skin), skin, skin, Grid.over(face.shape, 1), face_width(mesh))
    middle = (slice(20, -20), slice(20, -20))
    assert np.abs(result[middle].astype(int).mean((0, 1)) - target[middle].mean((0, 1))).max() < 6


def step_at_outline(shown_from: int) -> float:
    """How far an even face is from a forehead that grows lighter upwards, where the face begins; in doublings."""
    rows = np.linspace(3, 0, 128, dtype=np.float32).clip(0, 1)[:, None, None]
    light = np.broadcast_to(0.15 * 3**rows, (128, 128, 3)).astype(np.float32)
    drawn = np.full((128, 128, 3), 110, np.uint8)
    shown = np.zeros((128, 128), np.float32)
    shown[shown_from:] = 1
    skin = np.zeros_like(shown)
    skin[64:] = 1
    new = relight(drawn, to_srgb(light), skin, np.zeros_like(skin), shown, skin, Grid.over(drawn.shape, 1), 128.0)
    return float(np.abs(np.log2(to_linear(new)[66:72, 40:88] / light[66:72, 40:88])).mean())


def test_a_face_is_as_light_at_its_outline_as_the_skin_that_it_lies_beside() -> None:
    begins_there, begins_far_above = step_at_outline(64), step_at_outline(0)
    assert begins_there < 0.12
    assert begins_far_above > 2 * begins_there, "amid a face, shading this fine is the reference's"


def relit_spot(skin: int, spot: int, target: int) -> Floats:
    """A plain skin with a bright spot, under a target of one shade: linear light of skin and spot afterwards."""
    drawn = np.full((128, 128, 3), skin, np.uint8)
    drawn[60:68, 60:68] = spot
    everywhere = np.ones((128, 128), np.float32)
    plain = np.full_like(drawn, target)
    result = relight(
        drawn, plain, everywhere, np.zeros_like(everywhere), everywhere, everywhere, Grid.over(drawn.shape, 1), 100.0
    )
    return np.array([to_linear(result[20:40, 20:40]).mean(), to_linear(result[62:66, 62:66]).mean()], np.float32)


def test_the_shine_on_dark_skin_does_not_turn_to_white_spots_when_it_is_made_lighter() -> None:
    before = to_linear(np.array([[60, 120]], np.uint8))[0]
    same, lighter = relit_spot(60, 120, 60), relit_spot(60, 120, 130)
    contrast = [float(light[1] / light[0]) for light in (before, same, lighter)]
    assert contrast[1] == pytest.approx(contrast[0], rel=0.1)
    assert contrast[2] < 0.8 * contrast[0]


def test_eyes_and_lips_keep_their_hues() -> None:
    """A patch of another hue is calmed on skin, and not on features."""
    drawn = np.full((128, 128, 3), (170, 130, 110), np.uint8)
    drawn[50:78, 50:78] = (190, 90, 100)
    cool = np.full_like(drawn, (120, 130, 150))
    skin, none = np.ones((128, 128), np.float32), np.zeros((128, 128), np.float32)
    lips = none.copy()
    lips[44:84, 44:84] = 1
    redness = []
    for features in (none, lips):
        patch = relight(drawn, cool, skin, features, skin, skin, Grid.over(drawn.shape, 1), 100.0)[60:68, 60:68].astype(
            float
        )
        redness.append(float((patch[..., 0] / patch[..., 1]).mean()))
    assert redness[1] > 1.05 * redness[0]


def add_spots(light: Floats, mesh: Mesh) -> Floats:
    """(H, W, 3) linear light with small spots of shine on cheeks and forehead."""
    rng, width = np.random.default_rng(0), face_width(mesh)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    shining = light.copy()
    for vertex in (9, 50, 280, 117, 346, 205, 425):
        for _ in range(3):
            x, y = mesh[vertex, :2] + rng.normal(0, 0.03 * width, 2)
            away = ((columns - x) ** 2 + (rows - y) ** 2) / (2 * (0.015 * width) ** 2)
            shining += 0.15 * np.exp(-away)[..., None].astype(np.float32)
    return shining


def local_contrast(pixels: Pixels, mesh: Mesh) -> float:
    """The deviation on the cheeks of what is finer than shape and coarser than grain, in logarithms of light."""
    shade, width = np.log(to_linear(pixels).mean(2) + 0.01), face_width(mesh)
    band = cv2.GaussianBlur(shade, (0, 0), 0.01 * width) - cv2.GaussianBlur(shade, (0, 0), 0.06 * width)
    return float(band[cv2.erode(cheek_mask(pixels.shape, mesh), np.ones((5, 5), np.uint8)) > 0].std())


@pytest.mark.parametrize("spoilt", ["spots and blocks", "hard light from one side", "a blue lamp", "noise"])
def test_a_weak_reference_on_a_bright_face_is_no_rougher_than_it(
    engine: MeshEngine, astronaut: Portrait, spoilt: str
) -> None:
    image, face = astronaut
    mesh, light = mesh_of(astronaut), to_linear(image.pixels)
    bright = replace(image, pixels=to_srgb(np.clip(1.3 * light, 0, 1)))
    across = np.geomspace(1.3, 0.16, image.width, dtype=np.float32)[:, None]
    weak = to_srgb(
        np.clip(
            {
                "spots and blocks": add_spots(0.15 * light, mesh),
                "hard light from one side": light * across,
                "a blue lamp": light * np.array([0.25, 0.4, 0.9], np.float32),
                "noise": 0.3 * light,
            }[spoilt],
            0,
            1,
        )
    )
    if spoilt == "spots and blocks":
        weak = np.asarray(cv2.imdecode(cv2.imencode(".jpg", weak, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], -1), np.uint8)
    if spoilt == "noise":
        rough = weak + np.random.default_rng(0).normal(0, 4, weak.shape)
        weak = np.clip(rough, 0, 255).astype(np.uint8)
    likeness = engine.prepare([Portrait(replace(image, pixels=weak), face)])
    result = paste_back(bright, likeness.render(bright, face, MeshOptions(), ignore_step))
    assert local_contrast(result.pixels, mesh) < 1.3 * local_contrast(bright.pixels, mesh)


def stripes(contrast: float) -> Pixels:
    """(128, 128, 3) a skin with stripes of shade, `contrast` in logarithms of light."""
    across = np.sin(np.arange(128, dtype=np.float32) * 2 * np.pi / 32)[None, :, None]
    return to_srgb(np.broadcast_to(0.2 * np.exp(contrast * across), (128, 128, 3)).astype(np.float32))


def relight_all(drawn: Pixels, target: Pixels) -> Pixels:
    """`drawn` in the light of `target`, where both are bare skin everywhere."""
    everywhere = np.ones(drawn.shape[:2], np.float32)
    return relight(
        drawn, target, everywhere, np.zeros_like(everywhere), everywhere, everywhere, Grid.over(drawn.shape, 1), 100.0
    )


def shade_contrast(own: float, target: float) -> float:
    """The deviation of the logarithms of light, of stripes with `own` contrast on a target with `target`."""
    return float(np.log(to_linear(relight_all(stripes(own), stripes(target))[32:96, 32:96]).mean(2)).std())


def test_deep_shades_have_no_more_contrast_than_a_flatly_lit_target() -> None:
    assert shade_contrast(0.4, 0.2) == pytest.approx(shade_contrast(0.2, 0.2), rel=0.15)


def test_a_reference_in_flat_light_keeps_its_shades_on_a_target_with_deeper_ones() -> None:
    assert shade_contrast(0.2, 0.4) == pytest.approx(shade_contrast(0.2, 0.2), rel=0.15)


def test_a_shape_still_shows_on_a_target_without_any_shade() -> None:
    assert 0.3 < shade_contrast(0.4, 0.0) / shade_contrast(0.4, 0.4) < 0.6


def test_hair_is_as_dark_on_a_flatly_lit_target_as_it_was() -> None:
    """A brow is darker than any shade of skin."""
    drawn = stripes(0.4)
    drawn[40:48, 30:98] = 10
    hair = [float(to_linear(relight_all(drawn, stripes(flat))[43:46, 50:80]).mean()) for flat in (0.4, 0.0)]
    assert hair[1] == pytest.approx(hair[0], rel=0.25)


def test_a_patch_in_the_light_of_a_coloured_lamp_takes_a_hue_that_the_targets_skin_has() -> None:
    """What a cyan lamp lit on a chin is no cyan skin in white light; freckles and a beard stay what they are."""
    drawn, plain = np.full((128, 128, 3), (170, 130, 110), np.uint8), np.full((128, 128, 3), (180, 140, 120), np.uint8)
    drawn[50:74, 50:74] = (90, 150, 170)
    patch = relight_all(drawn, plain)[58:66, 58:66].astype(float).mean((0, 1))
    assert patch[0] / patch[1] > 1.1
    assert patch[2] / patch[1] < 1.0
    drawn[50:74, 50:74] = (30, 28, 27)
    beard = relight_all(drawn, plain)[58:66, 58:66].astype(float).mean((0, 1))
    assert beard[0] / beard[1] < 1.25


def test_shine_on_a_dark_target_does_not_make_its_skin_grey() -> None:
    drawn, target = np.full((128, 128, 3), (200, 160, 140), np.uint8), np.full((128, 128, 3), (90, 55, 38), np.uint8)
    target[56:72, 56:72] = (235, 225, 220)
    result = relight_all(drawn, target)[40:88, 80:88].astype(float).mean((0, 1))
    assert np.abs(result - (90, 55, 38)).max() < 12


def test_a_hollow_is_no_darker_than_the_targets_shades_and_a_brow_is() -> None:
    """What is as dark as hair where none grows is shade: on fair skin it would be a stain."""
    drawn, target = stripes(0.2), stripes(0.2)
    drawn[48:64, 30:98] = 20
    everywhere = np.ones(drawn.shape[:2], np.float32)
    dark = []
    for hair in (everywhere, 0 * everywhere):
        grid, features = Grid.over(drawn.shape, 1), np.zeros_like(everywhere)
        result = relight(drawn, target, everywhere, features, everywhere, hair, grid, 100.0)
        dark.append(float(to_linear(result[53:59, 50:80]).mean()))
    assert dark[1] > 3 * dark[0]
