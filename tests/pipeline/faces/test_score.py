"""Scoring promises: the same picture is 1, another picture of a face near it, a stranger near 0."""

import numpy as np
import pytest

from mien_models.store import ModelStore
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_testing.portraits import Portrait


@pytest.fixture(scope="module")
def embedder(models: ModelStore) -> DlibEmbedder:
    return DlibEmbedder(models.read("identity-score"))


def test_a_picture_is_itself(embedder: DlibEmbedder, astronaut: Portrait) -> None:
    embedding = embedder.embed(*astronaut)
    assert embedding.shape == (128,)
    assert embedder.similarity(embedding, embedding) == 1


def test_a_darker_picture_shows_the_same_person(
    embedder: DlibEmbedder, detector: MeshDetector, astronaut: Portrait
) -> None:
    darker = Image((astronaut[0].pixels * 0.6).astype(np.uint8))
    same = embedder.similarity(embedder.embed(*astronaut), embedder.embed(darker, detector.detect(darker)[0]))
    assert same > 0.8


def test_two_people_are_strangers(embedder: DlibEmbedder, astronaut: Portrait, admiral: Portrait) -> None:
    assert embedder.similarity(embedder.embed(*astronaut), embedder.embed(*admiral)) < 0.45


def test_scores_can_be_compared_with_those_of_earlier_versions(
    embedder: DlibEmbedder, astronaut: Portrait, admiral: Portrait
) -> None:
    """The two bundled portraits, as earlier versions score them: a face's crop and the scale are as they were."""
    assert embedder.similarity(embedder.embed(*astronaut), embedder.embed(*admiral)) == pytest.approx(0.377, abs=0.01)


def test_similarity_never_leaves_its_scale(embedder: DlibEmbedder) -> None:
    assert embedder.similarity(np.zeros(128, np.float32), np.ones(128, np.float32)) == -1
