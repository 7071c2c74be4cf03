"""With the published weights and an accelerator: the stack loads as planned and the result is nearer to the reference.

Not run where this was written: neither was there. `pytest -m gpu tests/gpu` after `mien models pull flux-dev starter`.
"""

import pytest

from mien_api.folders import Folders
from mien_core.errors import LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.device import device_name
from mien_pipeline.engines.flux.engine import load
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.media.decode import decode
from mien_pipeline.progress import ignore_step
from mien_pipeline.skin.blend import paste_back

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def installed() -> ModelStore:
    store = ModelStore(Folders.find().models, load_catalogue())
    if device_name() == "cpu":
        pytest.skip("there is no accelerator")
    try:
        store.path("flux-1-dev-parts")
    except (ModelNotInstalled, LicenceNotAccepted):
        pytest.skip("FLUX.1 is not installed")
    return store


def test_the_result_is_nearer_to_the_reference_than_the_target_was(installed: ModelStore) -> None:
    detector = MeshDetector(YuNet(installed.read("face-detection")), installed.read("face-mesh"))
    scorer = DlibEmbedder(installed.read("identity-score"))
    folder = installed.path("demo-portraits")
    target, reference = (decode((folder / name).read_bytes()) for name in ("astronaut.png", "grace_hopper.jpg"))
    face, reference_face = detector.detect(target)[0], detector.detect(reference)[0]
    likeness = load(installed).prepare([Portrait(reference, reference_face)])
    patch = likeness.render(target, face, FluxOptions(), ignore_step)
    result = paste_back(target, patch)
    wanted = scorer.embed(reference, reference_face)
    before = scorer.similarity(scorer.embed(target, face), wanted)
    assert scorer.similarity(scorer.embed(result, face), wanted) > before
