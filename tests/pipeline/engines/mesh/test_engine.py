"""The mesh engine renders what it can, refuses what it cannot, and says what limits a result."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien_core.errors import NoFaceFound
from mien_pipeline.engines.mesh.engine import REFUSE_YAW_DEG, MeshEngine, MeshLikeness
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.image import Image
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.cautions import TURNED_DEG


def rendered(likeness: MeshLikeness, target: tuple[Image, Face], **options: object) -> Patch:
    return likeness.render(*target, MeshOptions.model_validate(options), ignore_step)


def test_what_reference_and_target_share_is_said_once(engine: MeshEngine, astronaut: Portrait) -> None:
    dark = darken(astronaut, 1 / 8)
    assert rendered(engine.prepare([dark]), dark).warnings.count("low-light") == 1


def test_a_face_turned_too_far_is_left_alone_and_says_so(astronaut: Portrait, admiral_likeness: MeshLikeness) -> None:
    image, face = astronaut
    patch = rendered(admiral_likeness, (image, replace(face, yaw_deg=REFUSE_YAW_DEG + 1)))
    assert not patch.mask.any()
    assert patch.warnings == ("hard-angle",)


def test_a_reference_turned_away_or_unclear_is_refused(engine: MeshEngine, astronaut: Portrait) -> None:
    image, face = astronaut
    for doubtful in (replace(face, yaw_deg=-REFUSE_YAW_DEG - 1), replace(face, mesh_score=0.5)):
        with pytest.raises(NoFaceFound) as refused:
            engine.prepare([Portrait(image, doubtful)])
        assert refused.value.fields["role"] == "reference"


def test_what_limits_a_result_is_said(engine: MeshEngine, astronaut: Portrait, admiral: Portrait) -> None:
    image, face = astronaut
    turned_reference = engine.prepare([Portrait(admiral[0], replace(admiral[1], yaw_deg=TURNED_DEG + 1))])
    assert "reference-angle" in rendered(turned_reference, astronaut).warnings
    likeness = engine.prepare([admiral])
    assert "hard-angle" in rendered(likeness, (image, replace(face, yaw_deg=36.0))).warnings
    dark = replace(image, pixels=(image.pixels * 0.15).astype(np.uint8))
    assert "low-light" in rendered(likeness, (dark, face)).warnings
    assert rendered(likeness, astronaut).warnings == likeness.warnings


def darken(portrait: Portrait, light: float) -> Portrait:
    """The portrait in so much of its light."""
    image, face = portrait
    return Portrait(replace(image, pixels=to_srgb(to_linear(image.pixels) * np.float32(light))), face)


def test_a_dark_target_and_a_dark_reference_are_low_light_and_others_are_not(
    engine: MeshEngine, astronaut: Portrait, admiral: Portrait
) -> None:
    likeness = engine.prepare([astronaut])
    for light, dark in ((1.0, False), (0.5, False), (1 / 8, True), (1 / 20, True)):
        assert ("low-light" in rendered(likeness, darken(admiral, light)).warnings) is dark
        assert ("low-light" in engine.prepare([darken(astronaut, light)]).warnings) is dark


def test_a_small_face_is_swapped_and_says_so(admiral_likeness: MeshLikeness, astronaut: Portrait) -> None:
    image, face = astronaut
    assert face.mesh is not None
    scale = 0.5
    small = np.asarray(cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    shrunk = replace(face, mesh=(face.mesh * scale).astype(np.float32), bbox=face.bbox * np.float32(scale))
    patch = rendered(admiral_likeness, (replace(image, pixels=small), shrunk))
    assert "small-face" in patch.warnings
    assert patch.mask.any()


def test_pictures_that_show_both_sides_or_none_with_glasses_leave_nothing_to_warn_of(
    engine: MeshEngine, astronaut: Portrait, admiral: Portrait
) -> None:
    image, face = admiral
    left, right = (Portrait(image, replace(face, yaw_deg=turn)) for turn in (-TURNED_DEG - 1, 35.0))
    assert "reference-angle" in engine.prepare([left]).warnings
    assert "reference-angle" in engine.prepare([left, left]).warnings
    assert "reference-angle" not in engine.prepare([left, right]).warnings
    assert "reference-covered" in engine.prepare([admiral]).warnings
    assert "reference-covered" not in engine.prepare([admiral, astronaut]).warnings


def test_of_several_pictures_the_unclear_ones_do_not_count(engine: MeshEngine, astronaut: Portrait) -> None:
    image, face = astronaut
    doubtful = Portrait(image, replace(face, mesh_score=0.5))
    alone, together = engine.prepare([astronaut]), engine.prepare([doubtful, astronaut])
    assert np.array_equal(alone.texture.colour, together.texture.colour)
