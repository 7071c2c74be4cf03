"""`hides_eyes` promises: dark and mirroring lenses are told from clear ones, and from faces without glasses."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.evaluation.accessories.covers import draw_mask
from mien_pipeline.evaluation.accessories.glasses import OPAQUE, SHAPES, Lens, draw_glasses
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE, face_width
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.media.decode import decode
from mien_pipeline.skin.sunglasses import SMALLEST_PX, hides_eyes
from mien_testing.portraits import mesh_of


@pytest.fixture(scope="module")
def mona_lisa(models: ModelStore, detector: MeshDetector) -> Portrait:
    """A painting of a woman with shaded eyes."""
    image = decode(models.path("demo-portraits", "mona_lisa.jpg").read_bytes())
    return Portrait(image, detector.detect(image)[0])


@pytest.fixture(scope="module")
def portraits(astronaut: Portrait, admiral: Portrait, mona_lisa: Portrait) -> list[Portrait]:
    return [astronaut, admiral, mona_lisa]


def looks_hidden(portrait: Portrait, pixels: Pixels, detector: MeshDetector) -> bool:
    """What is said of a changed picture, whose mesh is found anew."""
    return hides_eyes(pixels, mesh_of((Image(pixels), detector.refit(Image(pixels), portrait.face))))


@pytest.mark.parametrize("lens", OPAQUE)
def test_lenses_that_hide_the_eyes_are_found_in_every_shape(
    portraits: list[Portrait], detector: MeshDetector, lens: Lens
) -> None:
    for portrait in portraits:
        for shape in SHAPES:
            worn = draw_glasses(portrait.image.pixels, mesh_of(portrait), shape, lens)
            assert looks_hidden(portrait, worn, detector), shape


@pytest.mark.parametrize("lens", ["clear", "tinted"])
def test_eyes_behind_clear_and_tinted_lenses_can_be_seen(
    astronaut: Portrait, admiral: Portrait, detector: MeshDetector, lens: Lens
) -> None:
    for portrait in (astronaut, admiral):
        for shape in SHAPES:
            worn = draw_glasses(portrait.image.pixels, mesh_of(portrait), shape, lens)
            assert not looks_hidden(portrait, worn, detector), shape


def test_portraits_without_dark_glasses_are_left_alone(portraits: list[Portrait]) -> None:
    """One wears clear glasses with reflections, one has eyes in the shade."""
    assert not any(hides_eyes(portrait.image.pixels, mesh_of(portrait)) for portrait in portraits)


def shade_eyes(pixels: Pixels, mesh: Mesh) -> Pixels:
    """Soft shadow in the sockets, a third of the light."""
    width, shade = face_width(mesh), np.zeros(pixels.shape[:2], np.float32)
    for ring in (LEFT_EYE, RIGHT_EYE):
        x, y = (round(float(value)) for value in mesh[list(ring), :2].mean(0))
        cv2.ellipse(shade, (x, y), (round(0.17 * width), round(0.12 * width)), 0, 0, 360, (1.0,), -1)
    soft = np.asarray(cv2.GaussianBlur(shade, (0, 0), 0.05 * width), np.float32)[..., None]
    return to_srgb(np.asarray(to_linear(pixels) * (1 - 0.7 * soft), np.float32))


def shut_eyes(pixels: Pixels, mesh: Mesh) -> Pixels:
    """Lids of the colour below them over both eyes, and a line of lashes."""
    shut = pixels.copy()
    for ring, below in ((LEFT_EYE, 119), (RIGHT_EYE, 348)):
        column, row = np.round(mesh[below, :2]).astype(int)
        skin = [float(value) for value in pixels[row, column]]
        outline = np.round(mesh[list(ring), :2]).astype(np.int32)
        cv2.fillPoly(shut, [outline], skin, cv2.LINE_AA)
        cv2.polylines(shut, [outline[:9]], False, (40.0, 30.0, 30.0), 1, cv2.LINE_AA)
    return shut


def darken_skin(pixels: Pixels, mesh: Mesh) -> Pixels:
    """A tenth of the light everywhere: very dark skin in a dim room."""
    return to_srgb(np.asarray(to_linear(pixels) * 0.1, np.float32))


def lower_fringe(pixels: Pixels, mesh: Mesh) -> Pixels:
    """Dark hair down to the upper lids."""
    width = face_width(mesh)
    brows = mesh[list(LEFT_BROW[:5] + RIGHT_BROW[:5]), :2]
    edge = brows[np.argsort(brows[:, 0])] + [0, 0.06 * width]
    outline = np.concatenate([edge, mesh[[284, 10, 54], :2] - [0, 0.1 * width]])
    combed = pixels.copy()
    cv2.fillPoly(combed, [np.round(outline).astype(np.int32)], (45.0, 32.0, 25.0), cv2.LINE_AA)
    return combed


@pytest.mark.parametrize("change", [shade_eyes, shut_eyes, darken_skin, lower_fringe])
def test_shadow_shut_lids_dark_skin_and_a_fringe_are_no_dark_glasses(
    portraits: list[Portrait], detector: MeshDetector, change: Callable[[Pixels, Mesh], Pixels]
) -> None:
    for portrait in portraits:
        assert not looks_hidden(portrait, change(portrait.image.pixels, mesh_of(portrait)), detector)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_gets_the_same_answer(astronaut: Portrait, detector: MeshDetector, quarters: int) -> None:
    worn = draw_glasses(astronaut.image.pixels, mesh_of(astronaut), "pilot", "sky")
    turned = Image(np.ascontiguousarray(np.rot90(worn, quarters)))
    face = max(detector.detect(turned), key=lambda each: each.area)
    assert face.mesh is not None
    assert hides_eyes(turned.pixels, face.mesh)


def test_a_face_of_few_pixels_is_not_judged(astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    worn = draw_glasses(astronaut.image.pixels, mesh)
    scale = 0.9 * SMALLEST_PX / face_width(mesh)
    small = np.asarray(cv2.resize(worn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    assert not hides_eyes(small, (mesh * np.float32(scale)).astype(np.float32))


@pytest.mark.parametrize("colour", [(30, 30, 32), (235, 235, 235), (150, 190, 215)])
def test_a_mask_on_the_cheeks_is_no_dark_glasses(
    portraits: list[Portrait], detector: MeshDetector, colour: tuple[int, int, int]
) -> None:
    """What is around the eyes is compared with cheeks; here these are cloth."""
    for portrait in portraits:
        masked, _ = draw_mask(portrait.image.pixels, mesh_of(portrait), colour)
        assert not looks_hidden(portrait, masked, detector)
