"""A person is told from what is behind."""

import cv2
import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import invert, transform, warp_halves
from mien_pipeline.faces.segment import PersonSegmenter
from mien_pipeline.faces.tflite import load_tflite
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


def test_its_last_layer_is_the_networks(segmenter: PersonSegmenter, models: ModelStore, astronaut: Portrait) -> None:
    """It is one matrix product here."""
    network = load_tflite(models.read("covers", "selfie_segmentation.tflite"))
    person, to_picture = segmenter.segment(astronaut.image.pixels, mesh_of(astronaut))
    crop = warp_halves(astronaut.image.pixels, invert(to_picture), (256, 256), border=cv2.BORDER_REPLICATE)
    network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
    assert np.allclose(person, np.asarray(network.forward()).reshape(256, 256), atol=1e-3)
