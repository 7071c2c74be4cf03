"""A face moved on its own mesh shows what it was moved to, and the rest of the picture stays."""

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.eyes import EyeReader
from mien_pipeline.engines.mesh.shape import mouth_openness
from mien_pipeline.evaluation.moved import close_eyes, open_mouth, turn
from mien_pipeline.face import Mesh
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Image, Pixels
from mien_testing.portraits import Portrait, mesh_of


def find(detector: MeshDetector, pixels: Pixels) -> Mesh:
    (found,) = detector.detect(Image(pixels))
    assert found.mesh is not None
    return found.mesh


@pytest.mark.parametrize("yaw_deg", [-24, 24])
def test_a_turned_face_looks_where_it_was_turned(detector: MeshDetector, astronaut: Portrait, yaw_deg: int) -> None:
    """The network reads less than was drawn, as the docstring says; the rest of the picture stays."""
    image, face = astronaut
    turned = turn(image.pixels, face, yaw_deg)
    (found,) = detector.detect(Image(turned))
    assert 0.5 < (found.yaw_deg - face.yaw_deg) / yaw_deg < 1.1
    assert np.array_equal(turned[-100:], image.pixels[-100:])
    assert turn(image.pixels, face, 0) is image.pixels


def test_a_mouth_opens_and_the_forehead_stays(detector: MeshDetector, astronaut: Portrait) -> None:
    """The network reads little of an opening beyond a fifth of the mouth's width."""
    image, face = astronaut
    pictures = [open_mouth(image.pixels, face, openness) for openness in (0, 0.1, 0.3)]
    shut, ajar, open_ = (mouth_openness(find(detector, pixels)) for pixels in pictures)
    assert pictures[0] is image.pixels
    assert shut < ajar < open_
    assert open_ > shut + 0.05
    brows = int(mesh_of(astronaut)[9, 1])
    assert np.abs(pictures[2][:brows].astype(int) - image.pixels[:brows]).max() <= 40
    assert np.array_equal(pictures[2][:10], image.pixels[:10])


def test_eyes_close_to_a_line_of_lashes(models: ModelStore, astronaut: Portrait) -> None:
    image, face = astronaut
    read = EyeReader(models.read("iris")).read
    open_, half, shut = (
        np.mean([eye.openness for eye in read(close_eyes(image.pixels, face, share), mesh_of(astronaut))])
        for share in (0, 0.5, 1)
    )
    assert open_ > half > shut
    assert shut < 0.6 * open_
