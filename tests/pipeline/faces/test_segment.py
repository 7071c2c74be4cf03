"""A person is told from what is behind."""

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.segment import PersonSegmenter
from mien_testing.portraits import mesh_of


@pytest.fixture(scope="module")
def segmenter(models: ModelStore) -> PersonSegmenter:
    return PersonSegmenter(models.read("covers", "selfie_segmentation.tflite"))


def test_face_and_hair_are_the_person_and_the_wall_is_not(segmenter: PersonSegmenter, astronaut: Portrait) -> None:
    mesh = mesh_of(astronaut)
    person, to_picture = segmenter.segment(astronaut.image.pixels, mesh)
    rows, columns = np.mgrid[:256, :256]
    places = transform(np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float32), to_picture)

    def sure(at: tuple[float, float]) -> float:
        return float(person.ravel()[np.argmin(np.abs(places - np.array(at)).sum(1))])

    width = float(np.ptp(mesh[:, 0]))
    assert sure((mesh[1, 0], mesh[1, 1])) > 0.9
    assert sure((mesh[10, 0], mesh[10, 1] - 0.1 * width)) > 0.9
    assert sure((mesh[234, 0] - 0.4 * width, mesh[10, 1])) < 0.1
