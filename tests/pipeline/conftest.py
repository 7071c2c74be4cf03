"""What the pipeline's tests share: the two public-domain portraits, found and prepared once."""

import pytest

from mien_pipeline.engines import ENGINES
from mien_pipeline.engines.mesh.engine import MeshEngine, MeshLikeness
from mien_pipeline.models.store import ModelStore
from mien_pipeline.stages.decode import decode
from mien_pipeline.stages.detect import MeshDetector
from mien_pipeline.types import Face, Image

Portrait = tuple[Image, Face]


@pytest.fixture(scope="session")
def detector(models: ModelStore) -> MeshDetector:
    return MeshDetector(models.path("face-detection"), models.path("face-mesh"))


@pytest.fixture(scope="session")
def astronaut(models: ModelStore, detector: MeshDetector) -> Portrait:
    """A smiling woman with a fringe, looking at the camera."""
    image = decode(models.path("demo-portraits", "astronaut.png").read_bytes())
    return image, detector.detect(image)[0]


@pytest.fixture(scope="session")
def admiral(models: ModelStore, detector: MeshDetector) -> Portrait:
    """An old woman with a cap and glasses, mouth closed."""
    image = decode(models.path("demo-portraits", "grace_hopper.jpg").read_bytes())
    return image, detector.detect(image)[0]


@pytest.fixture(scope="session")
def engine(models: ModelStore) -> MeshEngine:
    loaded = ENGINES["mesh"].load(models)
    assert isinstance(loaded, MeshEngine)
    return loaded


@pytest.fixture(scope="session")
def astronaut_likeness(engine: MeshEngine, astronaut: Portrait) -> MeshLikeness:
    return engine.prepare(*astronaut)


@pytest.fixture(scope="session")
def admiral_likeness(engine: MeshEngine, admiral: Portrait) -> MeshLikeness:
    return engine.prepare(*admiral)
