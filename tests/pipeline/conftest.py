"""What the pipeline's tests share: the two public-domain portraits, found and prepared once, and the tiny bundle."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.engine import MeshEngine, MeshLikeness
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.face import Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.media.decode import decode

if TYPE_CHECKING:
    from mien_testing.swapper import Folder


@pytest.fixture(scope="session")
def detector(models: ModelStore) -> MeshDetector:
    return MeshDetector(YuNet(models.read("face-detection")), models.read("face-mesh"))


@pytest.fixture(scope="session")
def astronaut(models: ModelStore, detector: MeshDetector) -> Portrait:
    """A smiling woman with a fringe, looking at the camera."""
    image = decode(models.path("demo-portraits", "astronaut.png").read_bytes())
    return Portrait(image, detector.detect(image)[0])


@pytest.fixture(scope="session")
def admiral(models: ModelStore, detector: MeshDetector) -> Portrait:
    """An old woman with a cap and glasses, mouth closed."""
    image = decode(models.path("demo-portraits", "grace_hopper.jpg").read_bytes())
    return Portrait(image, detector.detect(image)[0])


@pytest.fixture(scope="session")
def engine(models: ModelStore) -> MeshEngine:
    loaded = ENGINES["mesh"].load(models)
    assert isinstance(loaded, MeshEngine)
    return loaded


@pytest.fixture(scope="session")
def astronaut_likeness(engine: MeshEngine, astronaut: Portrait) -> MeshLikeness:
    return engine.prepare([astronaut])


@pytest.fixture(scope="session")
def admiral_likeness(engine: MeshEngine, admiral: Portrait) -> MeshLikeness:
    return engine.prepare([admiral])


@pytest.fixture(scope="session")
def tiny_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue whose weights of the identity stack are small and random, in their published layout."""
    from mien_pipeline.engines.flux.tiny.bundle import make_tiny  # it imports torch, which most tests here do without

    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_store(tiny_catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """A model store with the bundle in it, installed as the real one is, pickles converted."""
    from mien_pipeline.engines.flux.tiny.bundle import BUNDLE

    found = ModelStore(tmp_path_factory.mktemp("models"), load_catalogue({"MIEN_CATALOGUE": str(tiny_catalogue)}))
    found.pull([BUNDLE])
    return found


@pytest.fixture(scope="session")
def klein_installed(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, Path]:
    """A model store with the tiny bundle of FLUX.2 [klein] and the starter models, and the bundle's catalogue."""
    from mien_testing.klein_store import make_klein_store  # it imports torch, which most tests here do without

    return make_klein_store(tmp_path_factory.mktemp("klein"), models)


@pytest.fixture(scope="session")
def klein_store(klein_installed: tuple[ModelStore, Path]) -> ModelStore:
    return klein_installed[0]


@pytest.fixture(scope="session")
def swapper_weights(tmp_path_factory: pytest.TempPathFactory) -> "Folder":
    """A network for each file of the catalogue's table of swappers, with weights of our own."""
    from mien_testing.swapper import write_swappers  # it imports onnx, which most tests here do without

    return write_swappers(tmp_path_factory.mktemp("swappers"))
