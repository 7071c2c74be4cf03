"""What was to stay is measured against the target: 0 off where nothing changed, and more the more changed."""

from dataclasses import replace

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.eyes import EyeReader
from mien_pipeline.evaluation.accessories.glasses import draw_glasses
from mien_pipeline.evaluation.look import (
    Look,
    measure_hair,
    measure_kept_accessory,
    measure_kept_expression,
    measure_kept_gaze,
    measure_kept_pose,
    measure_openness,
    measure_outside,
    measure_shape,
)
from mien_pipeline.evaluation.moved import open_mouth, turn
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Image, Pixels
from mien_testing.portraits import Portrait, mesh_of


@pytest.fixture(scope="module")
def same(models: ModelStore, astronaut: Portrait) -> Look:
    """A swap that changed nothing."""
    image, face = astronaut
    eyes = EyeReader(models.read("iris")).read(image.pixels, mesh_of(astronaut))
    return Look(image.pixels, image.pixels, image.pixels, face, mesh_of(astronaut), eyes, eyes)


def showing(look: Look, after: Pixels, detector: MeshDetector) -> Look:
    return replace(look, after=after, found=detector.look_again(Image(after), look.mesh))


def test_what_did_not_change_is_not_off(same: Look) -> None:
    measures = (measure_kept_pose, measure_kept_expression, measure_kept_gaze, measure_outside)
    assert [measure(same) for measure in measures] == [0, 0, 0, 0]
    assert measure_shape(same.found, same.mesh) == pytest.approx(0, abs=0.01)
    assert measure_hair(same) == {"hair": 1, "edge": 1}


def test_a_turned_head_is_off_its_pose_and_its_shape_is_compared_level(
    same: Look, detector: MeshDetector, astronaut: Portrait, admiral: Portrait
) -> None:
    turned = showing(same, turn(astronaut[0].pixels, astronaut[1], 24), detector)
    assert 10 < measure_kept_pose(turned) < 28
    assert measure_shape(turned.found, same.mesh) < measure_shape(mesh_of(admiral), same.mesh)


def test_an_opened_mouth_is_off_the_expression_and_counted_by_the_targets(
    same: Look, detector: MeshDetector, astronaut: Portrait
) -> None:
    opened = showing(same, open_mouth(astronaut[0].pixels, astronaut[1], 0.4), detector)
    assert measure_kept_expression(opened) > 2
    assert measure_openness(opened)["mouth"] > 1.3
    assert measure_openness(same) == {"mouth": 1, "lids": 0}


def test_glasses_that_are_painted_over_are_not_kept(same: Look, astronaut: Portrait) -> None:
    worn = draw_glasses(astronaut[0].pixels, mesh_of(astronaut), "square", "black")
    kept = replace(same, before=worn, after=worn)
    lost = replace(same, before=worn)
    assert measure_kept_accessory(kept) == {"kept": 1, "structure": 1}
    assert measure_kept_accessory(lost)["kept"] < 0.3
    assert measure_kept_accessory(lost)["structure"] < 0.6
    assert measure_kept_accessory(same) == {}


def test_what_changes_far_from_the_face_and_above_the_forehead_is_found(same: Look) -> None:
    changed = same.after.copy()
    changed[-40:, :40] += 60
    assert measure_outside(replace(same, after=changed)) > 0
    covered = same.after.copy()
    covered[: int(same.mesh[10, 1])] = 128
    found = measure_hair(replace(same, after=np.asarray(covered)))
    assert found["hair"] < 0.7
    assert found["edge"] != 1
